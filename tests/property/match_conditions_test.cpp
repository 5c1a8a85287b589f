// What stood in the conditions of an alert's match is what the oracle finds there: the alert is
// raised again beside the derived rules, all its events came, its conditions were true, and each
// value is the oracle's at that event.
#include "cep/diagnose/match_conditions.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "cep/engine/engine.h"
#include "tests/support/engine_run.h"
#include "tests/support/oracle.h"
#include "tests/support/oracle_expr.h"
#include "tests/support/oracle_match.h"
#include "tests/support/oracle_rule.h"
#include "tests/support/oracle_world.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"

namespace tocsin::tests {
namespace {
constexpr Cut kWhole{10'000, 0x5eed, false};
using cep::StoodCondition;

bool has_alert_types(const cep::Plan& plan) {
  return std::ranges::any_of(plan.event_types, &cep::EventType::is_alert);
}
bool has_roles(const cep::Rule& rule) {
  return std::ranges::any_of(rule.key.parts, [](const cep::KeyPart& part) {
    return std::ranges::any_of(part.members, [](const auto& m) { return !m.role.empty(); });
  });
}
oracle::World world_of(const cep::Plan& plan, const std::vector<oracle::PlacedEvent>& events) {
  oracle::World world(plan, 1'000'000);
  std::vector<oracle::Row> rows;
  for (const oracle::PlacedEvent& event : events) {
    oracle::Row row;
    row.number = rows.size();
    row.type = event.type;
    row.engine_time = event.engine_time;
    row.ts = event.ts;
    row.fields = event.fields;
    row.equal_number = event.equal_number;
    row.arrival = event.arrival;
    rows.push_back(std::move(row));
  }
  world.add_rows(std::move(rows));
  return world;
}

struct Counts {
  std::size_t alerts = 0, conditions = 0, unknown = 0, values = 0, of_match = 0;
};

class MatchCase {
 public:
  MatchCase(const cep::Plan& plan, const oracle::World& world) : plan_(plan), world_(world) {
    for (oracle::Position at = 0; at < world.rows().size(); ++at) {
      const auto [place, is_new] = positions_.try_emplace(
          std::tuple(world.row(at).type, world.row(at).ts, oracle::identity_of(world, at).bytes),
          at);
      if (!is_new) place->second = std::nullopt;  // an id that repeats
    }
  }

  void check(const cep::Alert& alert, const cep::MatchConditions& found, Counts& counts) const {
    ++counts.alerts;
    CHECK(found.is_raised());
    std::vector<oracle::Taken> taken;
    for (std::size_t i = 0; i < alert.events.size(); ++i) {
      const cep::BoundEvent& event = alert.events[i];
      const auto position =
          positions_.find(std::tuple(event.type, event.ts, std::string(event.identity)));
      if (position == positions_.end() || !position->second) return;
      const std::optional<cep::VarIndex> var = found.vars()[i];
      if (!var) return;
      CAPTURE(i);
      CHECK(found.came()[i]);
      taken.push_back({*position->second, *var, ""});
      for (const StoodCondition& one : found.of_events()[i]) check(one, taken, found, counts);
    }
    for (const StoodCondition& one : found.of_match()) {
      counts.of_match += one.is_known ? 1 : 0;
      // An exception may have expired.
      if (one.is_known && one.clause != StoodCondition::Clause::kExcept) {
        CHECK(one.result.view().is_true());
      }
    }
  }

 private:
  void check(const StoodCondition& one, const std::vector<oracle::Taken>& taken,
             const cep::MatchConditions& found, Counts& counts) const {
    ++counts.conditions;
    if (!one.is_known) {
      ++counts.unknown;
      return;
    }
    CAPTURE(cep::describe(plan_, *one.condition));
    CHECK(one.result.view().is_true());
    if (has_roles(found.rule())) return;
    oracle::Context context{world_, taken.back().position};
    if (one.clause == StoodCondition::Clause::kWhere) {
      context.rule = &found.rule();
      context.taken = &taken;
      context.own = taken.back().var;
    }
    for (const cep::SeenValue& seen : one.values) {
      CAPTURE(cep::describe(plan_, *seen.expr));
      const cep::Value value = oracle::evaluate(*seen.expr, context);
      CHECK(cep::to_text(oracle::as_kept(value)) ==
            cep::to_text(oracle::as_kept(seen.value.view())));
      ++counts.values;
    }
  }

  const cep::Plan& plan_;
  const oracle::World& world_;
  std::map<std::tuple<cep::EventTypeIndex, cep::EventTime, std::string>,
           std::optional<oracle::Position>>
      positions_;
};

cep::KnownMatch known(const cep::Alert& alert) {
  cep::KnownMatch match{cep::alert_id(alert.digest), {}, alert.events_omitted};
  for (const cep::BoundEvent& event : alert.events) {
    match.events.push_back({std::string(event.as), event.type, event.ts, std::string(event.id)});
  }
  return match;
}
}  // namespace

TEST_CASE("match conditions: what stood in them is what the oracle finds") {
  Counts counts;
  for_all_seeds("MATCH_CONDITIONS", 300, [&](Random& random) {
    const cep::Plan plan = random_language_plan(random);
    const std::vector<oracle::PlacedEvent> events = oracle::place_events(
        plan, random_events(random, plan, {.count_min = 5, .count_max = 25, .crowds = 0}), {});
    const auto shared = std::make_shared<const cep::Plan>(plan);
    const Result<cep::Program> program = cep::compile(shared);
    if (!program || has_alert_types(plan)) return;
    const oracle::World world = world_of(plan, events);
    const MatchCase match_case(plan, world);
    std::size_t done = 0;
    for (const cep::Alert& alert : run_engine(*program, events, cep::kEventTimeMax, kWhole)) {
      if (alert.budget || ++done > 10) continue;
      CAPTURE(cep::describe(plan));
      CAPTURE(events_text(plan, events));
      CAPTURE(plan.rules[alert.rule.value].id);
      cep::MatchConditions found =
          cep::MatchConditions::of(shared, {alert.rule, alert.key}, known(alert));
      const Result<cep::Program> derived = cep::compile(found.plan());
      if (!derived) FAIL_CHECK(derived.error().message);
      if (!derived) return;
      found.take(run_engine(*derived, events, cep::kEventTimeMax, kWhole));
      match_case.check(alert, found, counts);
    }
  });
  MESSAGE(counts.alerts << " alerts, " << counts.conditions << " conditions, " << counts.unknown
                        << " of them not known, " << counts.values << " values, " << counts.of_match
                        << " of whole matches");
  if (counts.alerts > 500) CHECK(counts.values > 100);
  if (counts.conditions > 500) CHECK(10 * counts.unknown < counts.conditions);
}
}  // namespace tocsin::tests
