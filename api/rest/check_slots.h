/// Work on rules and events of a request, separately from the server's state: checks, tests, dry
/// runs. Each may take a processor for seconds, so it leaves processors to all else.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

#include "api/net/http_server.h"

namespace tocsin::api {
struct CheckLimits {
  int at_once = 2;  // 1 or more
  /// Of one dry run: what its rules remember, and its time.
  std::uint64_t memory_max = std::uint64_t{256} << 20;
  std::chrono::milliseconds time_max{30'000};
};
/// Threading: any.
class CheckSlots {
 public:
  explicit CheckSlots(CheckLimits limits = {}) : limits_(limits) {}
  CheckSlots(const CheckSlots&) = delete;
  CheckSlots& operator=(const CheckSlots&) = delete;
  const CheckLimits& limits() const { return limits_; }
  /// What `work` answers, which runs meanwhile in a thread of lower priority; throws what it
  /// throws. Where as many run as may, the answer says so.
  HttpResponse run(const std::function<HttpResponse()>& work);

 private:
  const CheckLimits limits_;
  std::atomic<int> taken_{0};
};
}  // namespace tocsin::api
