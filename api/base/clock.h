/// Time as the outbox asks for it. A port, so that tests need no real time.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace tocsin::api {
class Clock {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  virtual ~Clock() = default;
  /// Never goes back.
  virtual Moment now() = 0;
  /// Seconds since the epoch, as a peer's clock would show them.
  virtual std::int64_t unix_seconds() = 0;
  /// Waits on `condition`, with `lock` held before and after, until notified or until `until`; may
  /// return earlier.
  virtual void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& condition,
                          Moment until) = 0;
};
/// The machine's clocks. Threading: any.
Clock& system_clock();
}  // namespace tocsin::api
