#include <doctest/doctest.h>

#include <map>
#include <set>
#include <utility>

#include "api/alerts/triage_machine.h"
#include "api/alerts/triage_store.h"
#include "tests/api/stored_alerts.h"

namespace tocsin::api {
namespace {
using tests::alert_at;
using tests::StoredAlerts;
using S = TriageState;
using A = TriageAction;

TEST_CASE("triage: each state allows its actions, and no other") {
  const std::map<std::pair<S, A>, S> table = {
      {{S::kOpen, A::kAssign}, S::kAssigned},       {{S::kOpen, A::kConfirm}, S::kConfirmed},
      {{S::kOpen, A::kDismiss}, S::kDismissed},     {{S::kOpen, A::kClose}, S::kClosed},
      {{S::kAssigned, A::kAssign}, S::kAssigned},   {{S::kAssigned, A::kRelease}, S::kOpen},
      {{S::kAssigned, A::kConfirm}, S::kConfirmed}, {{S::kAssigned, A::kDismiss}, S::kDismissed},
      {{S::kAssigned, A::kClose}, S::kClosed},      {{S::kConfirmed, A::kClose}, S::kClosed},
      {{S::kConfirmed, A::kReopen}, S::kOpen},      {{S::kDismissed, A::kClose}, S::kClosed},
      {{S::kDismissed, A::kReopen}, S::kOpen},      {{S::kClosed, A::kReopen}, S::kOpen}};
  for (const S state : kTriageStates) {
    std::size_t allowed = 0;
    for (const A action : kTriageActions) {
      CAPTURE(state);
      CAPTURE(action);
      const auto expected = table.find({state, action});
      const auto next = triage_after(state, action);
      CHECK(next.has_value() == (expected != table.end()));
      if (next && expected != table.end()) CHECK(*next == expected->second);
      allowed += next ? 1 : 0;
    }
    CHECK(triage_actions_of(state).size() == allowed);
    CHECK(triage_state_named(name_of(state)) == state);
  }
  for (const A action : kTriageActions) CHECK(triage_action_named(name_of(action)) == action);
  CHECK_FALSE(triage_state_named("done"));
  CHECK_FALSE(triage_action_named(""));
}

std::set<std::uint64_t> numbers(const TriageStore& triage, S state) {
  std::set<std::uint64_t> found;
  REQUIRE(triage.numbers(state, 0, false, [&](std::uint64_t number) {
    found.insert(number);
    return true;
  }));
  return found;
}

TEST_CASE("triage: what was answered is there after the process or the power is gone") {
  for (const bool loses_power : {false, true}) {
    StoredAlerts stored;
    for (int i = 1; i <= 3; ++i) stored.raise(alert_at(i));
    runtime::StoredAlert alert = **stored.effects().reader().alert(2);
    {
      TriageStore triage(stored.store());
      CHECK(triage.get(alert.id)->version == 0);
      REQUIRE(triage.change(alert, {"ann", A::kAssign, "bob", "please"}, {7}));
      REQUIRE(triage.change(alert, {"bob", {}, "", "I called"}, {8}));
      REQUIRE(triage.change(alert, {"bob", A::kConfirm, "", ""}, {9}));
    }
    stored.restart(loses_power);
    TriageStore triage(stored.store());
    const Result<TriageRecord> record = triage.get(alert.id);
    REQUIRE(record);
    CHECK(record->state == S::kConfirmed);
    CHECK(record->label == S::kConfirmed);
    CHECK(record->assignee == "bob");
    CHECK(record->version == 3);
    REQUIRE(record->history.size() == 3);
    CHECK(record->history[0].who == "ann");
    CHECK(record->history[0].assignee == "bob");
    CHECK(record->history[0].comment == "please");
    CHECK(record->history[0].at.us == 7);
    CHECK_FALSE(record->history[1].action.has_value());
    CHECK(record->history[2].from == S::kAssigned);
    CHECK(record->history[2].to == S::kConfirmed);
    CHECK(numbers(triage, S::kConfirmed) == std::set<std::uint64_t>{2});
    CHECK(numbers(triage, S::kAssigned).empty());
    CHECK(triage.labels("card_testing")->confirmed == 1);
  }
}

TEST_CASE("triage: labels are those of now, and closing keeps them") {
  StoredAlerts stored;
  for (int i = 1; i <= 2; ++i) stored.raise(alert_at(i));
  const runtime::StoredAlert first = **stored.effects().reader().alert(1);
  const runtime::StoredAlert second = **stored.effects().reader().alert(2);
  TriageStore triage(stored.store());
  REQUIRE(triage.change(first, {"ann", A::kConfirm, "", ""}, {}));
  REQUIRE(triage.change(second, {"ann", A::kDismiss, "", ""}, {}));
  REQUIRE(triage.change(first, {"ann", A::kClose, "", ""}, {}));
  CHECK(triage.labels("card_testing")->confirmed == 1);
  CHECK(triage.labels("card_testing")->dismissed == 1);
  CHECK(triage.get(first.id)->label == S::kConfirmed);
  REQUIRE(triage.change(first, {"ann", A::kReopen, "", ""}, {}));
  CHECK(triage.labels("card_testing")->confirmed == 0);
  CHECK_FALSE(triage.get(first.id)->label.has_value());
  REQUIRE(triage.change(first, {"ann", A::kDismiss, "", ""}, {}));
  CHECK(triage.labels("card_testing")->dismissed == 2);
  CHECK(triage.labels("another")->dismissed == 0);
}

TEST_CASE("triage: a refused action changes nothing and names the others; so do limits") {
  StoredAlerts stored;
  stored.raise(alert_at(1));
  const runtime::StoredAlert alert = **stored.effects().reader().alert(1);
  TriageStore triage(stored.store(), {.entries_max = 2});
  REQUIRE(triage.change(alert, {"ann", A::kClose, "", ""}, {}));
  const auto refused = triage.change(alert, {"ann", A::kConfirm, "", ""}, {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kConflict);
  CHECK(refused.error().message == "an alert that is closed cannot confirm; it can reopen");
  CHECK(triage.get(alert.id)->version == 1);
  REQUIRE(triage.change(alert, {"ann", {}, "", "one"}, {}));
  const auto full = triage.change(alert, {"ann", {}, "", "two"}, {});
  REQUIRE_FALSE(full);
  CHECK(full.error().code == Errc::kConflict);
  CHECK(triage.get("xyz").error().code == Errc::kNotFound);
}
}  // namespace
}  // namespace tocsin::api
