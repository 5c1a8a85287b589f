#include "api/rollout/shadow_comparison.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/api/stored_alerts.h"

namespace tocsin::api {
namespace {
using tests::alert_at;
using tests::AlertText;

struct World {
  World() : triage(stored.store()) {}
  runtime::StoredAlert raise(int minute, const AlertText& text) {
    stored.raise(alert_at(minute, text));
    return **stored.effects().reader().alert(stored.effects().reader().mark()->number);
  }
  runtime::StoredAlert shadow(int minute, const std::string& card) {
    return raise(minute, {.rule = "tried", .card = card, .is_live = false});
  }
  runtime::StoredAlert live(int minute, const std::string& card, const std::string& rule = "old") {
    return raise(minute, {.rule = rule, .card = card});
  }
  void judge(const runtime::StoredAlert& alert, TriageAction action) {
    REQUIRE(triage.change(alert, {"ann", action, "", ""}, {}));
  }
  ShadowComparison compare(ComparisonRequest request = {}) {
    request.rule = "tried";
    return *compare_shadow(stored.effects().reader(), triage, request);
  }
  tests::StoredAlerts stored;
  TriageStore triage;
};
std::vector<std::uint64_t> counts(const ShadowComparison& found) {
  return {found.shadow.alerts, found.both.alerts, found.only_shadow.alerts, found.live.alerts,
          found.only_live.alerts};
}
using Counts = std::vector<std::uint64_t>;
Counts keys(const ShadowComparison& found) {
  return {found.keys.both, found.keys.only_shadow, found.keys.only_live};
}
const cep::EventTime kMidnight = *cep::parse_time("2026-03-02T00:00:00Z");
cep::EventTime minute(int number) { return {kMidnight.us + number * 60'000'000LL}; }
}  // namespace

TEST_CASE("comparison: alerts of one key at about one time are the same finding") {
  World world;
  world.live(10, "c1");
  world.shadow(20, "c1");         // ten minutes apart: the same
  world.shadow(21, "c2");         // of another key than all
  world.live(31, "c1", "other");  // eleven minutes behind: only live
  world.raise(32, {.rule = "old", .card = "c9", .is_live = false});  // neither
  world.live(33, "c3", "tried");  // the rule's own, of keys for which it is live
  const ShadowComparison found = world.compare();
  CHECK(counts(found) == Counts{2, 1, 1, 2, 1});
  CHECK(keys(found) == Counts{1, 1, 0});
  CHECK(found.from == minute(10));
  CHECK(found.examined == 6);
  CHECK(found.is_complete);
  REQUIRE(found.samples_both.size() == 1);
  CHECK(found.samples_both[0].alert.number == 2);
  CHECK(found.samples_both[0].beside->number == 1);
  REQUIRE(found.samples_only_live.size() == 1);
  CHECK(found.samples_only_live[0].alert.number == 4);
  REQUIRE(found.rules.size() == 2);
  CHECK(found.rules[0].rule == "old");
  CHECK(found.rules[0].both == 1);
  CHECK(found.rules[0].only == 0);
  CHECK(found.rules[1].rule == "other");
  CHECK(found.rules[1].only == 1);
  CHECK(world.compare({.rules_max = 1}).rules_left_out == 1);
}

TEST_CASE("comparison: with one rule, at another distance, and with the rule itself") {
  World world;
  world.live(10, "c1");
  world.shadow(20, "c1");
  world.shadow(21, "c2");
  world.live(31, "c1", "other");
  world.live(33, "c3", "tried");
  CHECK(counts(world.compare({.against = "other"})) == Counts{2, 0, 2, 1, 1});
  CHECK(counts(world.compare({.against = "other", .within = {11 * 60'000'000LL}})) ==
        Counts{2, 1, 1, 1, 0});
  // It begins with what is in shadow: the alert of minute 10 does not count.
  CHECK(counts(world.compare({.within = {0}})) == Counts{2, 0, 2, 1, 1});
  CHECK(counts(world.compare({.from = minute(0), .within = {0}})) == Counts{2, 0, 2, 2, 2});
  const ShadowComparison own = world.compare({.against = "tried"});
  CHECK(counts(own) == Counts{2, 0, 2, 1, 1});
  CHECK(keys(own) == Counts{0, 2, 1});
}

TEST_CASE("comparison: what was live before the rule was watched does not count") {
  World world;
  world.live(10, "c1");
  CHECK(counts(world.compare()) == Counts{0, 0, 0, 1, 1});
  CHECK(!world.compare().from);
  world.shadow(100, "c2");
  CHECK(counts(world.compare()) == Counts{1, 0, 1, 0, 0});
  CHECK(counts(world.compare({.from = minute(10)})) == Counts{1, 0, 1, 1, 1});
  CHECK(counts(world.compare({.from = minute(11)})) == Counts{1, 0, 1, 0, 0});
}

TEST_CASE("comparison: labels of closed alerts are looked up, as many as may be") {
  World world;
  const auto confirmed = world.shadow(1, "c1");
  const auto dismissed = world.shadow(2, "c2");
  const auto closed = world.shadow(3, "c3");
  const auto again = world.shadow(4, "c4");
  world.judge(confirmed, TriageAction::kConfirm);
  world.judge(confirmed, TriageAction::kClose);
  world.judge(dismissed, TriageAction::kDismiss);
  world.judge(closed, TriageAction::kClose);
  world.judge(again, TriageAction::kConfirm);
  world.judge(again, TriageAction::kReopen);
  const ShadowComparison found = world.compare();
  CHECK(found.shadow.confirmed == 1);
  CHECK(found.shadow.dismissed == 1);
  CHECK(found.labels_left_out == 0);
  const ShadowComparison few = world.compare({.labels_max = 0});
  CHECK(few.shadow.confirmed == 0);
  CHECK(few.shadow.dismissed == 1);
  CHECK(few.labels_left_out == 2);
}

TEST_CASE("comparison: by day, the newest days") {
  constexpr int kDay = 24 * 60;
  World world;
  world.live(10, "c1");
  world.shadow(11, "c1");
  world.shadow(kDay - 1, "c2");
  world.live(kDay, "c2");  // a minute later, and on the next day
  world.live(2 * kDay, "c3");
  const ShadowComparison found = world.compare();
  REQUIRE(found.days.size() == 2);
  CHECK(found.days[0].day == "2026-03-02");
  CHECK(found.days[0].both == 2);
  CHECK(found.days[0].only_shadow == 0);
  CHECK(found.days[1].day == "2026-03-04");
  CHECK(found.days[1].only_live == 1);
  const ShadowComparison last = world.compare({.days_max = 1});
  REQUIRE(last.days.size() == 1);
  CHECK(last.days[0].day == "2026-03-04");
  CHECK(last.days_left_out == 1);
}

TEST_CASE("comparison: who is limited to tags is told of alerts with them") {
  World world;
  world.shadow(1, "c1");
  world.raise(2, {.rule = "old", .card = "c1", .tags = R"(["wire"])"});
  world.raise(3, {.rule = "tried", .card = "c2", .is_live = false, .tags = "[]"});
  ComparisonRequest limited;
  limited.scope.tags = {"ecom"};
  CHECK(counts(world.compare(limited)) == Counts{1, 0, 1, 0, 0});
  limited.scope = {.types = {"payment"}};
  CHECK(counts(world.compare(limited)) == Counts{2, 1, 1, 1, 0});
  limited.scope = {.types = {"login"}};
  CHECK(counts(world.compare(limited)) == Counts{0, 0, 0, 0, 0});
}

TEST_CASE("comparison: of several the nearest is beside it, and its label counts") {
  World world;
  const auto far = world.live(1, "c1", "far");
  world.shadow(8, "c1");
  const auto near = world.live(10, "c1", "near");
  const auto own = world.shadow(60, "c1");
  world.judge(far, TriageAction::kDismiss);
  world.judge(near, TriageAction::kConfirm);
  world.judge(own, TriageAction::kDismiss);
  const ShadowComparison found = world.compare();
  CHECK(found.both.alerts == 1);
  CHECK(found.both.confirmed == 1);
  CHECK(found.only_shadow.dismissed == 1);
  CHECK(found.shadow.confirmed == 1);
  CHECK(found.shadow.dismissed == 1);
  CHECK(found.live.alerts == 2);
  CHECK(found.live.dismissed == 1);
  CHECK(found.only_live.alerts == 0);
  REQUIRE(found.rules.size() == 1);
  CHECK(found.rules[0].rule == "near");
}

TEST_CASE("comparison: times, keys by other names, and how much is examined") {
  World world;
  for (int i = 0; i < 10; ++i) {
    world.live(10 * i, "c1");
    world.shadow(10 * i + 1, "c1");
  }
  CHECK(counts(world.compare()) == Counts{10, 10, 0, 10, 0});
  // What is near to the times that are asked about counts as beside.
  const ComparisonRequest part{.from = minute(21), .to = minute(41), .within = {60'000'000}};
  CHECK(counts(world.compare(part)) == Counts{2, 2, 0, 2, 0});
  // By other names than the rule's key nothing is comparable.
  const ShadowComparison other = world.compare({.key = std::vector<std::string>{"merchant"}});
  CHECK(other.live.alerts == 0);
  CHECK(other.only_shadow.alerts == 10);
  const ShadowComparison few = world.compare({.rows_max = 3, .samples_max = 1});
  CHECK(few.examined == 3);
  CHECK(!few.is_complete);
  CHECK(few.shadow.alerts == 2);
  CHECK(few.samples_both.size() == 1);
  const ShadowComparison kept = world.compare({.alerts_max = 4});
  CHECK(!kept.is_complete);
  CHECK(kept.shadow.alerts + kept.live.alerts == 4);
  CHECK(counts(world.compare({.from = minute(1000)})) == Counts{0, 0, 0, 0, 0});
  CHECK(world.compare({.from = minute(1000)}).is_complete);
}
}  // namespace tocsin::api
