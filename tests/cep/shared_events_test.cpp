#include "cep/alert/shared_events.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cep/data/bound_events_writer.h"
#include "cep/plan/plan.h"
#include "tests/support/rule_text.h"

namespace tocsin::cep {
namespace {
ListedEvent listed(std::uint64_t record) {
  ListedEvent event;
  event.rule = RuleIndex(0);
  event.arrival.record = record;
  return event;
}
PackedEvents bound(const std::string& id) {
  BoundEventsWriter writer;
  writer.begin("p", EventTypeIndex(0), {0});
  writer.identify({"", id});
  return writer.pack();
}
std::shared_ptr<const Plan> one_rule() {
  return tests::plan_of(
      "event p { ts: time, id: string id, card: string }\n"
      "rule r \"R\" { by card when 2+ p as many within 1h alert \"x\" }");
}
}  // namespace

TEST_CASE("shared events: an event is made once, and has its JSON from the second time on") {
  const auto plan = one_rule();
  SharedEvents events(*plan);
  int made = 0;
  const auto get = [&](std::uint64_t record) {
    return events.get(listed(record), [&] {
      ++made;
      return bound("e" + std::to_string(record));
    });
  };
  const auto first = get(1);
  CHECK(first->json.empty());
  const auto second = get(1);
  CHECK(second->json == R"({"as":"p","type":"p","id":"e1","ts":0,"fields":{}})");
  CHECK(get(1) == second);
  CHECK(get(2)->event().id == "e2");
  CHECK(made == 2);
}

TEST_CASE("shared events: however many and large events are, few are kept") {
  const auto plan = one_rule();
  for (const std::size_t size : {1U, 1'000U, 100'000U}) {
    SharedEvents events(*plan);
    std::vector<std::weak_ptr<const SharedEvent>> all;
    for (std::uint64_t i = 0; i < 20'000 && i * size < 100'000'000; ++i) {
      all.push_back(events.get(listed(i), [&] { return bound(std::string(size, 'x')); }));
    }
    std::size_t kept = 0;
    for (const auto& one : all) kept += one.expired() ? 0 : 1;
    CHECK(kept > 0);
    CHECK(kept <= 2 * SharedEvents::kEventsMax);
    CHECK(kept * size <= 2 * (SharedEvents::kBytesMax + size));
    CHECK(kept < all.size());
  }
}
}  // namespace tocsin::cep
