/// The rules that a near miss asks the engine with (questioning.h), and what their alerts say.
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cep/data/alert.h"
#include "cep/diagnose/near_miss_report.h"
#include "cep/plan/partial_pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
/// The place of an event, or of a deadline, in the total order.
struct Moment {
  EventTime time;
  Phase phase = Phase::kEvent;
  ArrivalNumber arrival;
  std::uint32_t after = 0;
  friend auto operator<=>(const Moment&, const Moment&) = default;
};
/// A condition that a derived rule reports in fields of its alerts.
struct AskedCondition {
  Hindrance::Kind kind = Hindrance::Kind::kWhere;
  ExprPtr condition;                   // of the plan; absent for kNoKind
  std::optional<EventTypeIndex> type;  // only of such events
  std::string name;
  const std::vector<Subset>* kinds = nullptr;
  struct Shown {
    ExprPtr expr;           // of the plan
    std::size_t field = 0;  // of the alert
  };
  std::size_t truth = 0;  // field of the alert
  std::vector<Shown> values;
};
struct DerivedRule {
  Rule rule;
  std::vector<AskedCondition> asked;
  /// Its alerts come the shortest time there is after the last event, so that this completes
  /// nothing: where it is forbidden too, it ends the match.
  bool waits_a_moment = false;
};
/// An alert of a derived rule.
struct DerivedMatch {
  std::vector<TakenEvent> events;
  std::uint64_t events_more = 0;                  // before the last two, that are left out
  std::vector<std::vector<OwnedValue>> captured;  // by event
  std::vector<OwnedValue> key;
  std::vector<OwnedValue> fields;
  Moment moment;
  bool cut = false;
};

/// Ends the pattern with the absence of what never comes, where one may stand.
void wait_a_moment(DerivedRule& derived);
/// Asks whether the event on offer is of the kinds.
void ask_kinds(DerivedRule& derived, const std::vector<Subset>& kinds);
/// Asks it of the event on offer: what is true, and the values that stand in it.
void ask_conjuncts(DerivedRule& derived, const ExprPtr& condition, Hindrance::Kind kind);
/// What a step asks of any event of its types.
void ask_step(DerivedRule& derived, const Rule& rule, const PatternStage& stage);
/// A stage's partial matches.
DerivedRule prefix_rule(const Rule& rule, const PatternStage& stage);
/// These, each with every later event of a type that the stage waits for; asks what its step asks.
DerivedRule extension_rule(const Rule& rule, const PatternStage& stage);
/// These, each with every later event of `kinds` for which `where` holds.
DerivedRule insertion_rule(const Rule& rule, const PatternStage& stage,
                           const std::vector<Subset>& kinds, const ExprPtr& where);
/// All steps, without the absences at the end and `without … for`.
DerivedRule steps_rule(const Rule& rule);
/// These, each with every later event of `kinds` for which `where` holds.
DerivedRule after_steps_rule(const Rule& rule, const std::vector<Subset>& kinds,
                             const ExprPtr& where);
/// The pattern or window as it is, and nothing after it: every match is given. Asks the window's
/// `where`, `having` and the conditions of `except`.
DerivedRule complete_rule(const Rule& rule);
enum class Clauses : std::uint8_t { kHaving, kSelection, kExcept };
/// The rule with its clauses up to this one, in the order in which they decide.
DerivedRule rule_up_to(const Rule& rule, Clauses last);
/// The rule without its key and all that comes after `having`; keeps the fields that are the key.
/// Nothing where it has no key, or one with roles.
std::optional<DerivedRule> keyless_rule(const Rule& rule);

/// What an alert of a derived rule says; `rule` is the one that it was derived from. Its moment is
/// that of the last event also where the rule waits a moment. Of more than `events_max` events the
/// first ones and the last two are read.
DerivedMatch read_match(const Rule& rule, const PatternStage* stage, const Alert& alert,
                        bool waits_a_moment, std::size_t events_max = SIZE_MAX);
/// Those of the asked conditions from `first` up to `last` that were not true at the event.
std::vector<Hindrance> unmet(const DerivedRule& derived, const DerivedMatch& match,
                             EventTypeIndex type);
}  // namespace tocsin::cep
