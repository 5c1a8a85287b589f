/// Tells those who follow alerts live that there are more, and bounds how many may follow.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

namespace tocsin::api {
struct AlertFeedOptions {
  std::size_t followers_max = 64;
  std::chrono::milliseconds heartbeat{15'000};  // of a stream on which nothing happens
};
/// Threading: any. Outlives its followers.
class AlertFeed {
 public:
  explicit AlertFeed(AlertFeedOptions options = {}) : options_(options) {}
  AlertFeed(const AlertFeed&) = delete;
  AlertFeed& operator=(const AlertFeed&) = delete;

  /// Alerts were stored. Waits for nobody.
  void notify();
  /// Ends every wait, for good.
  void stop();
  /// How often notify() was called.
  std::uint64_t notified() const;
  /// Waits until notified() is beyond `seen`, for at most so long; false once stopped.
  bool wait(std::uint64_t seen, std::chrono::milliseconds at_most);

  /// One who follows, as long as it is kept; null where as many follow as may.
  std::shared_ptr<void> follow();
  std::size_t followers() const;
  const AlertFeedOptions& options() const { return options_; }

 private:
  AlertFeedOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t notified_ = 0;
  std::size_t followers_ = 0;
  bool is_stopped_ = false;
};
}  // namespace tocsin::api
