/// Memory that is ready before somebody asks for it.
#pragma once

namespace tocsin {
/// Gets regions of allocate_pages() ready beside those who take from them: a page is cleared by the
/// kernel when it is touched for the first time, and a virtual machine gets it from its host only
/// then. For a while in which tables fill as fast as they can.
class PagesAhead {
 public:
  PagesAhead() = default;
  PagesAhead(const PagesAhead&) = delete;
  PagesAhead& operator=(const PagesAhead&) = delete;
  /// Runs until stop(), on a thread of its own: from the first region on that somebody asks for
  /// meanwhile, a few more are ready; in the end they go back to the system. Memory that is not to
  /// be had ends it too.
  void run();
  /// From any thread, also before run().
  void stop();

 private:
  bool is_over_ = false;
};
}  // namespace tocsin
