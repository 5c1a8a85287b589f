/// Memory that is ready before somebody asks for it.
#pragma once
#include <cstdint>

namespace tocsin {
/// Gets regions of allocate_pages() ready beside those who take from them: a page is cleared by the
/// kernel when it is touched for the first time, and a virtual machine gets it from its host only
/// then. For a while in which tables fill as fast as they can. What is ready in the end goes back
/// to the system.
class PagesAhead {
 public:
  PagesAhead();
  ~PagesAhead();
  PagesAhead(const PagesAhead&) = delete;
  PagesAhead& operator=(const PagesAhead&) = delete;
  /// Gets one region ready, from the first on that somebody took since this was made. False where
  /// that is not wanted now: a few are ready, or memory is not to be had. One thread at a time,
  /// beside any that take.
  bool prepare();

 private:
  std::uint64_t taken_before_;
};
}  // namespace tocsin
