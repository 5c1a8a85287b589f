#include "api/rest/check_slots.h"

#include <fmt/format.h>

#include <exception>
#include <optional>
#include <thread>

#include "api/rest/problem.h"
#include "runtime/io/background_thread.h"

namespace tocsin::api {
namespace {
// One of those that there are, or none.
class Slot {
 public:
  Slot(std::atomic<int>& taken, int most) : taken_(taken), is_one_(++taken <= most) {}
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() { --taken_; }
  bool is_one() const { return is_one_; }

 private:
  std::atomic<int>& taken_;
  const bool is_one_;
};
}  // namespace

HttpResponse CheckSlots::run(const std::function<HttpResponse()>& work) {
  const Slot slot(taken_, limits_.at_once);
  if (!slot.is_one()) {
    return unavailable_response(
        fmt::format("{} checks and dry runs of rules are under way, as many as run at once "
                    "(checks.at_once); try again",
                    limits_.at_once));
  }
  // A thread of its own, as a thread that lowers its priority cannot raise it again.
  std::optional<HttpResponse> answer;
  std::exception_ptr failure;
  std::thread thread([&] {
    runtime::begin_background_thread("check");
    // Somebody waits for it: it must not starve where events take all processors.
    runtime::lower_priority_of_thread(runtime::kAQuarter);
    try {
      answer = work();
    } catch (...) {
      failure = std::current_exception();
    }
  });
  thread.join();
  if (failure) std::rethrow_exception(failure);
  return *std::move(answer);
}
}  // namespace tocsin::api
