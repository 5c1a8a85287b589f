/// Memory that is ready before somebody asks for it.
#pragma once
#include <atomic>
#include <cstdint>

namespace tocsin {
/// Gets regions of allocate_pages() ready beside those who take from them: a page is cleared by the
/// kernel when it is touched for the first time, and a virtual machine gets it from its host only
/// then, which can take milliseconds for a region. At most 16 MiB are ready, and no more than was
/// taken since this was made. What is ready in the end goes back to the system.
class PagesAhead {
 public:
  PagesAhead();
  ~PagesAhead();
  PagesAhead(const PagesAhead&) = delete;
  PagesAhead& operator=(const PagesAhead&) = delete;
  /// Gets one region ready. False where none is wanted now, or memory is not to be had. One thread
  /// at a time, beside any that take.
  bool prepare();
  /// Blocks until a region is taken that no wait() has seen, or stop() was called: then false.
  bool wait();
  /// Ends wait(), now and later. From any thread.
  void stop();

 private:
  std::uint64_t taken_before_;
  std::uint64_t taken_seen_;
  std::atomic<bool> is_stopped_ = false;
};
}  // namespace tocsin
