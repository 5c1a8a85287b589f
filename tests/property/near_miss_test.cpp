// Why a rule gave no alert: there is always an answer, what it names was not as the rule asks by
// the oracle's reading of the same events, and without it the rule comes further.
#include "cep/diagnose/near_miss.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "cep/engine/engine.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "tests/support/engine_run.h"
#include "tests/support/oracle.h"
#include "tests/support/oracle_expr.h"
#include "tests/support/oracle_rule.h"
#include "tests/support/oracle_world.h"
#include "tests/support/plan_walk.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"

namespace tocsin::tests {
namespace {
using cep::Hindrance;
using cep::NearMiss;
using Stop = cep::NearMiss::Stop;
constexpr Cut kWhole{10'000, 0x5eed, false};

// Of a group, which has none, the first.
cep::VarIndex var_of(const cep::Element& element) {
  return element.is_step() ? element.var() : cep::VarIndex();
}

struct Counts {
  std::size_t explained = 0;    // rules without an alert
  std::size_t unexplained = 0;  // all that is asked is there, and yet no alert
  std::size_t conditions = 0;   // asked of the oracle too
  std::size_t values = 0;       // likewise
  std::size_t relaxed = 0;      // run again without what was named
  std::map<Stop, std::size_t> stops;
};

class Case {
 public:
  Case(const cep::Plan& plan, const std::vector<oracle::PlacedEvent>& events)
      : plan_(plan), events_(events), world_(plan, 1'000'000) {
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
    world_.add_rows(std::move(rows));
  }

  std::optional<NearMiss> ask(const cep::Plan& plan, cep::RuleIndex rule) const {
    cep::NearMissQuestion question;
    question.rule = rule;
    const Result<NearMiss> near = cep::find_near_miss(
        plan, question,
        [&](const std::shared_ptr<const cep::Plan>& asked) -> Result<std::vector<cep::Alert>> {
          const Result<cep::Program> program = cep::compile(asked);
          if (!program) return tl::unexpected(program.error());
          return run_engine(*program, events_, cep::kEventTimeMax, kWhole);
        });
    if (!near) {
      FAIL_CHECK(near.error().message << '\n' << cep::describe(plan));
      return std::nullopt;
    }
    return *near;
  }

  // What is said of conditions is what the oracle finds.
  void check_conditions(const cep::Rule& rule, const NearMiss& near, Counts& counts) const {
    const bool has_roles = std::ranges::any_of(rule.key.parts, [](const cep::KeyPart& part) {
      return std::ranges::any_of(part.members, [](const auto& m) { return !m.role.empty(); });
    });
    if (has_roles || reads_alerts(rule)) return;
    for (const cep::NearCandidate& candidate : near.candidates) {
      std::vector<oracle::Taken> taken;
      for (const cep::TakenEvent& event : near.taken) {
        const std::optional<oracle::Position> at = position(event.event);
        if (!at) return;
        taken.push_back({*at, event.var, ""});
      }
      const std::optional<oracle::Position> at = position(candidate.event);
      if (!at) return;
      taken.push_back({*at, var_of(*near.step), ""});
      for (const Hindrance& hindrance : candidate.hindrances) {
        if (hindrance.condition == nullptr) continue;
        oracle::Context context{world_, *at};
        if (hindrance.kind == Hindrance::Kind::kWhere) {
          context.rule = &rule;
          context.taken = &taken;
          context.own = var_of(*near.step);
        }
        const cep::Value truth = oracle::evaluate(*hindrance.condition, context);
        CAPTURE(cep::describe(plan_, *hindrance.condition));
        CAPTURE(cep::describe(plan_));
        CAPTURE(events_text(plan_, events_));
        CHECK_FALSE(truth.is_true());
        CHECK(truth.is_missing() == hindrance.unknown);
        ++counts.conditions;
        for (const cep::SeenValue& seen : hindrance.values) {
          const cep::Value value = oracle::evaluate(*seen.expr, context);
          CAPTURE(cep::describe(plan_, *seen.expr));
          CHECK(cep::to_text(oracle::as_kept(value)) ==
                cep::to_text(oracle::as_kept(seen.value.view())));
          ++counts.values;
        }
      }
    }
  }

  // Without what was named the rule comes further.
  void check_relaxed(cep::RuleIndex index, const NearMiss& near, Counts& counts) const {
    const cep::Rule& rule = plan_.rules[index.value];
    if (near.stop != Stop::kStep || near.candidates.empty() || near.step->quantifier().loop) return;
    if (near.candidates.front().hindrances.empty()) return;
    if (near.cut || is_strict(rule) || ends_group_with_absence(rule)) return;
    cep::Plan plan = plan_;
    cep::Rule& changed = plan.rules[index.value];
    for (const Hindrance& hindrance : near.candidates.front().hindrances) {
      if (!relax(changed, near, hindrance)) return;
    }
    const std::optional<NearMiss> after = ask(plan, index);
    if (!after) return;
    ++counts.relaxed;
    const bool is_further = after->stop > Stop::kRound || after->place > near.place ||
                            after->taken.size() > near.taken.size() ||
                            var_of(*after->step) != var_of(*near.step);
    CAPTURE(cep::describe(plan_));
    CAPTURE(cep::describe(plan));
    CAPTURE(events_text(plan_, events_));
    CHECK(is_further);
  }

 private:
  std::optional<oracle::Position> position(const cep::SeenEvent& event) const {
    std::optional<oracle::Position> found;
    for (oracle::Position at = 0; at < world_.rows().size(); ++at) {
      if (world_.row(at).type != event.type || world_.row(at).ts != event.ts) continue;
      if (oracle::identity_of(world_, at).bytes != event.identity) continue;
      if (found) return std::nullopt;  // an id that repeats
      found = at;
    }
    return found;
  }

  bool reads_alerts(const cep::Rule& rule) const {
    bool reads = std::ranges::any_of(plan_.features, [&](const cep::Feature& feature) {
      return feature.unless_alerted_by || is_alert(feature.events);
    });
    reads = reads || is_alert(rule.considered);
    return reads;
  }
  bool is_alert(const std::vector<cep::Subset>& kinds) const {
    return std::ranges::any_of(kinds, [&](const cep::Subset& subset) {
      return plan_.event_types[subset.type.value].is_alert();
    });
  }

  // More kinds or other events change what is strict or greedy elsewhere.
  static bool is_strict(const cep::Rule& rule) {
    bool strict = false;
    walk_elements(rule.pattern, [&](const cep::Element& element) {
      strict = strict || element.is_next() || element.contiguity == cep::Contiguity::kNext ||
               element.quantifier().mode == cep::LoopMode::kNext || element.quantifier().greedy;
    });
    return strict;
  }

  // What such an absence breaks is told as the step before it.
  static bool ends_group_with_absence(const cep::Rule& rule) {
    bool found = false;
    walk_elements(rule.pattern, [&](const cep::Element& element) {
      found = found || (!element.children().empty() && element.children().back().is_absence());
    });
    return found;
  }

  // False where there is no telling what the rule would be without it.
  static bool relax(cep::Rule& rule, const NearMiss& near, const Hindrance& hindrance) {
    bool found = false;
    const auto at_step = [&](const auto& change) {
      walk_elements(rule.pattern, [&](cep::Element& element) {
        if (!element.is_step() || element.var() != var_of(*near.step)) return;
        change(element);
        found = true;
      });
      return found;
    };
    switch (hindrance.kind) {
      case Hindrance::Kind::kWhere:
        return at_step([&](cep::Element& step) {
          std::vector<cep::ExprPtr> all;
          cep::split_conjuncts(step.where(), all);
          std::erase(all, hindrance.condition);
          step.test()->where = nullptr;
          if (all.size() == 1) step.test()->where = all.front();
          if (all.size() < 2) return;
          auto both = std::make_shared<cep::Expr>();
          both->op = cep::Op::kAnd;
          both->type.kind = cep::TypeKind::kBool;
          both->args = all;
          step.test()->where = both;
        });
      case Hindrance::Kind::kKind:
      case Hindrance::Kind::kNoKind:
        return at_step([&](cep::Element& step) {
          for (cep::Subset& subset : step.step()->events) {
            subset.condition = nullptr;
            rule.considered.push_back(subset);
          }
        });
      case Hindrance::Kind::kWithin:
        // A last absence may need it.
        if (!rule.within || rule.pattern.back().is_absence()) return false;
        rule.within.reset();
        return true;
      default:
        return false;
    }
  }

  const cep::Plan& plan_;
  const std::vector<oracle::PlacedEvent>& events_;
  oracle::World world_;
};

bool is_explained(const NearMiss& near) {
  if (near.stop == Stop::kUnexplained) return false;
  return near.candidates.empty() || !near.candidates.front().hindrances.empty();
}
}  // namespace

TEST_CASE("near miss: what is named is false, and without it the rule comes further") {
  Counts counts;
  for_all_seeds("NEAR_MISS", 1000, [&](Random& random) {
    const cep::Plan plan = random_language_plan(random);
    REQUIRE(cep::validate(plan).empty());
    const std::vector<oracle::PlacedEvent> events = oracle::place_events(
        plan, random_events(random, plan, {.count_min = 5, .count_max = 25, .crowds = 0}), {});
    const Result<cep::Program> program = cep::compile(std::make_shared<const cep::Plan>(plan));
    if (!program) return;
    const std::vector<cep::Alert> alerts = run_engine(*program, events, cep::kEventTimeMax, kWhole);
    const Case one(plan, events);
    for (std::size_t i = 0; i < plan.rules.size(); ++i) {
      const cep::RuleIndex rule(i);
      const bool alerted =
          std::ranges::any_of(alerts, [&](const cep::Alert& alert) { return alert.rule == rule; });
      if (alerted) continue;
      const std::optional<NearMiss> near = one.ask(plan, rule);
      if (!near) continue;
      ++counts.explained;
      ++counts.stops[near->stop];
      if (!is_explained(*near)) ++counts.unexplained;
      one.check_conditions(plan.rules[i], *near, counts);
      one.check_relaxed(rule, *near, counts);
    }
  });
  MESSAGE(counts.explained << " rules without an alert, " << counts.unexplained
                           << " not explained, " << counts.conditions << " conditions and "
                           << counts.values << " values asked of the oracle, " << counts.relaxed
                           << " rules relaxed");
  for (const auto& [stop, count] : counts.stops) MESSAGE(static_cast<int>(stop) << ": " << count);
  // Groups of optional elements inside groups with counts: that nothing is known is said.
  if (counts.explained > 100) CHECK(50 * counts.unexplained < counts.explained);
  if (counts.explained > 100) CHECK(counts.conditions > 20);
  if (counts.explained > 100) CHECK(counts.relaxed > 5);
}
}  // namespace tocsin::tests
