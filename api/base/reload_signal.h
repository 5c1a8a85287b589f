/// SIGHUP as a question: whether the rules should be read again.
#pragma once

namespace tocsin::api {
/// While one lives, SIGHUP ends nothing: it notes the wish and makes `descriptor()` readable.
/// Restores what was before when destroyed. Threading: at most one lives at a time.
class ReloadSignal {
 public:
  [[nodiscard]] ReloadSignal();
  ~ReloadSignal();
  ReloadSignal(const ReloadSignal&) = delete;
  ReloadSignal& operator=(const ReloadSignal&) = delete;
  /// True once for all signals that have come since the last time it was asked.
  bool take();
  /// Readable while a signal has not been taken, for poll(); never read from it.
  int descriptor() const;
};
}  // namespace tocsin::api
