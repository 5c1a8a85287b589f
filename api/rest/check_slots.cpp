#include "api/rest/check_slots.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include "api/base/command.h"
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

// Once in a process: where it holds for one thread it does for all.
void tell_of_priority() {
  static std::atomic<bool> is_told{false};
  if (is_told.exchange(true)) return;
  tell(
      "tocsin: the priority of threads cannot be lowered here: checks, queries, exports and "
      "replays take processors from events as others do (checks.at_once, queries.at_once)\n");
}

// Runs it in a thread of its own, as a thread that lowers its priority cannot raise it again.
// Throws what it throws.
template <typename Result>
Result run_lowered(const char* name, const std::function<Result()>& work) {
  std::optional<Result> answer;
  std::exception_ptr failure;
  std::thread thread([&] {
    runtime::begin_background_thread(name);
    // Somebody waits for it: it must not starve where events take all processors.
    if (!runtime::lower_priority_of_thread(runtime::kAQuarter)) tell_of_priority();
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

void drop_one(std::map<std::string, std::size_t, std::less<>>& counts, const std::string& name) {
  const auto found = counts.find(name);
  if (--found->second == 0) counts.erase(found);
}
}  // namespace

HttpResponse CheckSlots::run(const std::function<HttpResponse()>& work) {
  const Slot slot(taken_, limits_.at_once);
  if (!slot.is_one()) {
    return unavailable_response(
        fmt::format("{} checks and dry runs of rules are under way, as many as run at once "
                    "(checks.at_once); try again",
                    limits_.at_once));
  }
  return run_lowered("check", work);
}

RouteHandler at_lower_priority(RouteHandler handler) {
  return [handler = std::move(handler)](ApiRequest& request) {
    return run_lowered<HttpResponse>("replay", [&] { return handler(request); });
  };
}

SharedPlaces::Place SharedPlaces::take(const std::string& asker) {
  const std::lock_guard lock(mutex_);
  const auto own = by_asker_.find(asker);
  if (taken_ >= most_ || (own != by_asker_.end() && own->second >= each_max_)) return nullptr;
  ++taken_;
  ++by_asker_[asker];
  return {this, [this, asker](const void*) {
            const std::lock_guard giving(mutex_);
            --taken_;
            drop_one(by_asker_, asker);
          }};
}

std::size_t SharedPlaces::taken() const {
  const std::lock_guard lock(mutex_);
  return taken_;
}

// A slot that was entered.
class ReadSlots::Turn {
 public:
  explicit Turn(ReadSlots& of) : of_(of) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { of_.leave(); }

 private:
  ReadSlots& of_;
};

ReadSlots::Entry ReadSlots::enter(const std::string& asker, bool has_patience) {
  std::unique_lock lock(mutex_);
  if (taken_ < limits_.at_once && line_.empty()) {
    ++taken_;
    return Entry::kIn;
  }
  if (has_patience) {
    const auto own = waiting_by_.find(asker);
    if (line_.size() >= limits_.waiting_max ||
        (own != waiting_by_.end() && own->second >= limits_.waiting_each)) {
      return Entry::kFull;
    }
  }
  const std::uint64_t number = next_++;
  line_.push_back(number);
  ++waiting_by_[asker];
  const auto is_next = [&] { return taken_ < limits_.at_once && line_.front() == number; };
  bool is_in = true;
  if (has_patience) {
    is_in = freed_.wait_for(lock, limits_.patience, is_next);
  } else {
    freed_.wait(lock, is_next);
  }
  line_.erase(std::ranges::find(line_, number));
  drop_one(waiting_by_, asker);
  if (is_in) ++taken_;
  freed_.notify_all();  // another one is the first
  return is_in ? Entry::kIn : Entry::kLate;
}

void ReadSlots::leave() {
  const std::lock_guard lock(mutex_);
  --taken_;
  freed_.notify_all();
}

HttpResponse ReadSlots::run(const std::string& asker, const Work& work) {
  switch (enter(asker, true)) {
    case Entry::kFull:
      return unavailable_response(
          fmt::format("{} queries are under way and as many wait as may (queries.waiting_max, "
                      "http.share_max); try again",
                      limits_.at_once));
    case Entry::kLate:
      return unavailable_response(fmt::format(
          "{} queries are under way, as many as run at once (queries.at_once), and none ended in "
          "time; try again",
          limits_.at_once));
    case Entry::kIn:
      break;
  }
  const Turn turn(*this);
  return run_lowered("query", work);
}

RouteHandler ReadSlots::around(RouteHandler handler) {
  return [this, handler = std::move(handler)](ApiRequest& request) {
    return run(request.grant.called(), [&] { return handler(request); });
  };
}

HttpResponse ReadSlots::too_many_exports() const {
  return unavailable_response(
      fmt::format("{} exports are open, or {} of yours, as many as there may be "
                  "(queries.exports_max, http.share_max); try again",
                  limits_.exports_max, limits_.exports_each));
}

std::optional<std::string> ReadSlots::page(
    const std::function<std::optional<std::string>()>& make) {
  enter({}, false);
  const Turn turn(*this);
  return run_lowered("export", make);
}

std::size_t ReadSlots::taken() const {
  const std::lock_guard lock(mutex_);
  return taken_;
}

std::size_t ReadSlots::waiting() const {
  const std::lock_guard lock(mutex_);
  return line_.size();
}
}  // namespace tocsin::api
