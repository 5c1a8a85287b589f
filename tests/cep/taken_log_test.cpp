// What `once per VARIABLE` looks at when it asks whether a match had an event that was taken: the
// answer, and how many events of a long loop are looked at for it.
#include "cep/record/taken_log.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using cep::VariableEvent;

VariableEvent event_at(std::size_t number) {
  return {static_cast<std::int64_t>(number) * 1000, {0, static_cast<std::uint32_t>(number)}};
}

// Links in a row, each with the one before it; counts what is looked at.
struct Links {
  struct Link {
    VariableEvent event;
    std::size_t before = 0;  // 0: none
    std::uint64_t clear = 0;
  };
  std::vector<Link> links = std::vector<Link>(1);
  std::size_t looks = 0;

  std::size_t add(const VariableEvent& event, std::size_t before) {
    links.push_back({event, before});
    return links.size() - 1;
  }
};
class Chain {
 public:
  Chain(Links& links, std::size_t last) : links_(links), last_(last) {}
  std::size_t begin() const { return last_; }
  static std::size_t end() { return 0; }
  std::size_t before(std::size_t at) const { return links_.links[at].before; }
  VariableEvent event(std::size_t at) const {
    ++links_.looks;
    return links_.links[at].event;
  }
  static bool is_noted(std::size_t) { return false; }
  std::uint64_t clear(std::size_t at) const { return links_.links[at].clear; }
  void set_clear(std::size_t at, std::uint64_t count) const { links_.links[at].clear = count; }

 private:
  Links& links_;
  std::size_t last_;
};

// A loop that grows to `length` beside an alert that has taken an event before it: at each event
// its match is suppressed by something else, and asked again. With `other`, a second loop takes
// each event that comes.
std::size_t looks_of_loop(std::size_t length, bool other) {
  cep::SuppressionState state;
  cep::TakenLog log;
  Links links;
  const auto take = [&](const VariableEvent& event) {
    if (state.take(event)) log.note(event);
  };
  take(event_at(0));
  std::size_t last = 0;
  for (std::size_t i = 1; i <= length; ++i) {
    last = links.add(event_at(2 * i), last);
    CHECK_FALSE(cep::has_taken_event(state, log, Chain(links, last)));
    CHECK_FALSE(cep::has_taken_event(state, log, Chain(links, last)));  // also when it is counted
    if (other) take(event_at(2 * i + 1));
  }
  return links.looks;
}
}  // namespace

TEST_CASE("once per a loop: a match looks at no more events because its loop is longer") {
  for (const bool other : {false, true}) {
    CAPTURE(other);
    const std::size_t short_loop = looks_of_loop(1'000, other);
    const std::size_t long_loop = looks_of_loop(10'000, other);
    CHECK(short_loop <= 4 * 1'000);
    CHECK(long_loop <= 4 * 10'000);
  }
}

TEST_CASE("once per a loop: what is known of its events is right, whatever is taken") {
  for_all_seeds("TAKEN_LOG", 200, [](Random& random) {
    cep::SuppressionState state;
    cep::TakenLog log;
    Links links;
    const std::size_t spread = 2 + random.below(400);
    for (std::size_t i = 1; i <= 300; ++i) {
      const std::size_t back = random.below(std::min<std::size_t>(links.links.size(), 4));
      links.add(event_at(i), links.links.size() - 1 - back);
      if (random.chance(30)) {
        const VariableEvent event = event_at(i - std::min(i, random.below(spread)));
        if (random.chance(60) && state.take(event)) log.note(event);
      }
      const std::size_t last = links.links.size() - 1 - random.below(std::min<std::size_t>(i, 20));
      bool expected = false;
      for (std::size_t at = last; at != 0; at = links.links[at].before) {
        expected = expected || state.has_taken(links.links[at].event);
      }
      REQUIRE(cep::has_taken_event(state, log, Chain(links, last)) == expected);
    }
  });
}
}  // namespace tocsin::tests
