#include "api/base/clock.h"

namespace tocsin::api {
namespace {
class SystemClock final : public Clock {
 public:
  Moment now() override { return std::chrono::steady_clock::now(); }
  std::int64_t unix_seconds() override {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::floor<std::chrono::seconds>(since_epoch).count();
  }
  void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& condition,
                  Moment until) override {
    condition.wait_until(lock, until);
  }
};
}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}
}  // namespace tocsin::api
