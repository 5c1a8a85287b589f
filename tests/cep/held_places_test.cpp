// What matches hold of a budget, followed from one to the next, is what a count of all of them
// gives.
#include "cep/record/held_places.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/record/budget.h"
#include "cep/record/key_record.h"
#include "cep/record/pattern_state.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using cep::Offset;

// Places of events without fields, each after another or a first one.
struct Places {
  cep::Plan plan;
  cep::Rule rule;
  std::vector<cep::CaptureLayout> layouts{1};
  cep::PatternState state;
  std::vector<Offset> events;
  std::vector<Offset> nodes{0};

  void add_event(std::uint64_t arrival) {
    const Offset at = state.cut(sizeof(cep::KeptEvent) / 8);
    cep::RecordStore::at<cep::KeptEvent>(state.base(), at)->arrival_word = arrival;
    events.push_back(at);
  }
  void add_node(Offset parent, Offset event) {
    const Offset at = state.cut(sizeof(cep::Node) / 8 + 1);
    auto* const node = cep::RecordStore::at<cep::Node>(state.base(), at);
    node->parent = parent;
    node->event = event;
    nodes.push_back(at);
  }
};
}  // namespace

TEST_CASE("held places: what is followed is what a count of all matches gives") {
  for_all_seeds("held_places", 500, [](Random& random) {
    Places places;
    cep::HeldPlaces held;
    cep::BudgetMeter meter;
    std::vector<cep::HeldEnd> ends;  // of matches
    std::uint64_t next_start = 0;
    const bool is_ordered = random.chance(80);  // else it takes longer, but is the same
    const auto fresh = [&] {
      next_start += random.below(2);
      return cep::HeldEnd{is_ordered ? next_start : random.below(5), random.pick(places.nodes)};
    };
    for (int round = 0; round < 40; ++round) {
      // Some events are captured twice.
      for (std::uint64_t i = random.below(3); i > 0; --i) places.add_event(random.below(30));
      for (std::uint64_t i = places.events.empty() ? 0 : random.below(6); i > 0; --i) {
        places.add_node(random.pick(places.nodes), random.pick(places.events));
      }
      held.look_at(places.plan, places.rule, places.layouts, places.state.base(),
                   places.state.words.size());
      std::vector<cep::HeldEnd> now;
      // The oldest go, some of the others end or go on, in one or two, and there are new ones.
      const std::size_t gone = random.chance(50) ? 0 : random.below(ends.size() + 1);
      for (std::size_t i = gone; i < ends.size(); ++i) {
        if (!random.chance(10)) now.push_back(ends[i]);
        if (random.chance(20)) now.push_back({ends[i].start, random.pick(places.nodes)});
      }
      for (std::uint64_t i = random.below(4); i > 0; --i) now.push_back(fresh());
      held.replace(ends, now);
      ends = now;
      if (!ends.empty() && random.chance(30)) {
        cep::HeldEnd& one = ends[random.below(ends.size())];
        held.release(one.node);
        one.node = random.pick(places.nodes);
        held.hold(one.node);
      }
      meter.begin(places.plan, places.rule, places.layouts, places.state.base(),
                  places.state.words.size());
      for (const cep::HeldEnd& end : ends) meter.add(end.node);
      REQUIRE(held.events() == meter.events());
      REQUIRE(held.bytes() == meter.bytes() - ends.size() * cep::kPartialMatchBytes);
    }
    held.replace(ends, {});
    CHECK(held.events() == 0);
    CHECK(held.bytes() == 0);
  });
}

TEST_CASE("held places: those of matches that stay are not gone through") {
  Places places;
  std::vector<cep::HeldEnd> now;
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    places.add_event(i);
    places.add_node(0, places.events.back());
    now.push_back({i / 2, places.nodes.back()});
  }
  cep::HeldPlaces held;
  held.look_at(places.plan, places.rule, places.layouts, places.state.base(),
               places.state.words.size());
  held.replace({}, now);
  CHECK(held.work() == 1'000);
  const std::vector<cep::HeldEnd> before = now;
  now.erase(now.begin(), now.begin() + 3);
  now.erase(now.begin() + 500);
  now.erase(now.begin() + 700);
  now.push_back({1'000, before[0].node});
  held.replace(before, now);
  CHECK(held.events() == 996);
  CHECK(held.work() <= 1'000 + 6);
}

TEST_CASE("held places: what one key's record loses is forgotten of that key alone") {
  cep::BudgetTallies tallies;
  for (const std::uint64_t hash : {7U, 8U, 9U}) {
    for (const std::uint32_t rule : {0U, 1U, 5U}) {
      tallies.at(cep::RuleIndex(rule), hash).held = std::make_unique<cep::HeldMatches>();
    }
  }
  tallies.forget_held(8);
  tallies.forget(cep::RuleIndex(1), 9);
  for (const std::uint32_t rule : {0U, 1U, 5U}) {
    CHECK(tallies.at(cep::RuleIndex(rule), 7).held != nullptr);
    CHECK(tallies.at(cep::RuleIndex(rule), 8).held == nullptr);
    CHECK((tallies.at(cep::RuleIndex(rule), 9).held == nullptr) == (rule == 1));
  }
}
}  // namespace tocsin::tests
