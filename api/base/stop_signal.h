/// SIGINT and SIGTERM as a question that work asks between two steps, so that what was done is
/// flushed.
#pragma once

namespace tocsin::api {
/// While one lives, SIGINT and SIGTERM only note the wish to stop, interrupt blocking system calls
/// (EINTR) and make `descriptor()` readable; a second one ends the process at once. Restores what
/// was before when destroyed. Threading: at most one lives at a time; `requested` may be asked from
/// any thread.
class StopSignal {
 public:
  [[nodiscard]] StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  /// True once a signal has come.
  bool requested() const;
  /// "SIGINT" or "SIGTERM"; empty while none has come.
  const char* name() const;
  /// Readable once a signal has come, for poll(); never read from it.
  int descriptor() const;
};
/// Makes a write to a closed pipe or socket (EPIPE), or beyond the largest file that the process
/// may write (EFBIG), an error instead of the end of the process.
void ignore_write_signals();
}  // namespace tocsin::api
