// Chains of events whose values compare as asked (cep/queue/compared_chain.h), beside a search
// through all chains.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "cep/queue/compared_chain.h"
#include "cep/value/value.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using cep::ComparedChain;
using cep::Value;

struct Taken {
  Value own;
  Value carried;
};
struct Event {
  std::uint64_t number = 0;
  std::map<std::uint32_t, Taken> steps;
};

// All chains in their order, by the definition: the first one whose next event would be `own`.
class NaiveChains {
 public:
  explicit NaiveChains(const std::vector<ComparedChain::Step>& steps) : steps_(steps) {}

  std::vector<std::uint64_t> first(const std::deque<Event>& events, std::uint32_t step,
                                   const Value& own) {
    events_ = &events;
    chain_.clear();
    if (!extend(0, 0, std::nullopt, Value::missing(), step, own)) return {};
    return chain_;
  }
  std::uint32_t longest_from(const std::deque<Event>& events, std::size_t at) {
    events_ = &events;
    const Event& event = events[at];
    if (!event.steps.contains(0)) return 1;
    const Value& carried = event.steps.at(0).carried;
    if (steps_[0].carries && carried.is_missing()) return 1;
    std::uint32_t longest = 1;
    for (std::uint32_t state = 2; state < steps_.size(); ++state) {
      chain_.clear();
      const auto origin = steps_[0].carries ? std::optional(0U) : std::nullopt;
      if (extend(1, at + 1, origin, carried, state, std::nullopt)) longest = state;
    }
    return longest;
  }

 private:
  bool compares(std::uint32_t step, std::optional<std::uint32_t> origin, const Value& carried,
                const Value& own) const {
    if (!steps_[step].compares) return true;
    const ComparedChain::Step& of = steps_[*origin];
    const cep::Ordering order = compare(carried, own);
    return order == (of.wants_greater ? cep::Ordering::kLess : cep::Ordering::kGreater) ||
           (of.or_equal && order == cep::Ordering::kEqual);
  }
  bool extend(std::uint32_t state, std::size_t from, std::optional<std::uint32_t> origin,
              const Value& carried, std::uint32_t target, const std::optional<Value>& own) {
    if (state == target) return !own || compares(state, origin, carried, *own);
    for (std::size_t i = from; i < events_->size(); ++i) {
      const Event& event = (*events_)[i];
      const auto taken = event.steps.find(state);
      if (taken == event.steps.end()) continue;
      const Taken& values = taken->second;
      if (steps_[state].carries && values.carried.is_missing()) continue;
      if (!compares(state, origin, carried, values.own)) continue;
      chain_.push_back(event.number);
      const bool is_new = steps_[state].carries;
      if (extend(state + 1, i + 1, is_new ? std::optional(state) : origin,
                 is_new ? values.carried : carried, target, own)) {
        return true;
      }
      chain_.pop_back();
    }
    return false;
  }

  const std::vector<ComparedChain::Step>& steps_;
  const std::deque<Event>* events_ = nullptr;
  std::vector<std::uint64_t> chain_;
};

// A value is carried only where a later step compares with it, and compared where one is carried.
std::vector<ComparedChain::Step> random_steps(Random& random) {
  std::vector<ComparedChain::Step> steps(2 + random.below(4));
  bool carries = false;
  bool is_compared = true;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool is_last = i + 1 == steps.size();
    if (carries && (is_last ? !is_compared || random.chance(70) : random.chance(60))) {
      steps[i].compares = true;
      is_compared = true;
    }
    if (!is_last && is_compared && random.chance(70)) {
      steps[i].carries = carries = true;
      is_compared = false;
      steps[i].wants_greater = random.chance(50);
      steps[i].or_equal = random.chance(50);
    }
  }
  return steps;
}

Value random_value(Random& random, std::int64_t most) {
  if (random.chance(3)) return Value::missing();
  const std::int64_t number = random.between(0, most);
  return random.chance(30) ? Value::decimal(number * 10, 1) : Value::integer(number);
}
}  // namespace

TEST_CASE("compared chain: finds the first chain that all chains tried one by one give") {
  std::size_t found = 0;
  std::size_t asked = 0;
  for_all_seeds("PROPERTY", 1500, [&](Random& random) {
    const std::vector<ComparedChain::Step> steps = random_steps(random);
    ComparedChain chain(steps);
    NaiveChains naive(steps);
    std::deque<Event> events;
    const std::int64_t most = random.pick({2, 8, 100});
    const std::size_t kept = random.pick({20, 60, 150});
    std::uint64_t number = random.below(5);
    const std::size_t count = 20 + random.below(200);
    for (std::size_t i = 0; i < count; ++i, number += 1 + random.below(3)) {
      Event event{number, {}};
      for (auto step = static_cast<std::uint32_t>(steps.size()) - 1; step-- > 0;) {
        if (random.chance(50)) continue;
        const Taken taken{random_value(random, most), random_value(random, most)};
        event.steps[step] = taken;
        chain.push(number, step, taken.own, taken.carried);
      }
      events.push_back(event);
      const std::size_t left = random.chance(90) ? kept : kept / 2;
      while (events.size() > left) events.pop_front();
      chain.drop_before(events.front().number);
      if (random.chance(70)) continue;
      const auto step = static_cast<std::uint32_t>(1 + random.below(steps.size() - 1));
      const Value own = random_value(random, most);
      std::deque<Event> older = events;
      if (random.chance(30)) older.pop_back();
      const std::vector<std::uint64_t> expected = naive.first(older, step, own);
      const std::uint64_t before = older.size() < events.size() ? events.back().number : number + 1;
      ++asked;
      if (!expected.empty()) ++found;
      REQUIRE_MESSAGE(
          chain.first(step, own, before) == expected,
          fmt::format("step {}, {}: not {}", step, to_text(own), fmt::join(expected, " ")));
      if (older.size() == events.size()) CHECK(chain.any(step, own) == !expected.empty());
      const std::size_t at = random.below(events.size());
      CHECK(chain.longest_from(events[at].number) == naive.longest_from(events, at));
    }
  });
  MESSAGE(asked << " questions, " << found << " with a chain");
  CHECK(4 * found > asked);
}
}  // namespace tocsin::tests
