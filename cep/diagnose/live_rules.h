/// The rules that a trace of a key runs beside the rule itself (rule_trace.h). Unlike those of a
/// near miss they go on only with partial matches that nothing has ended (no absence, no `next`, no
/// time), and give one alert for each event: the engine may prune them as it prunes the rule.
#pragma once
#include <optional>
#include <vector>

#include "cep/diagnose/near_miss_rules.h"
#include "cep/plan/contiguity.h"
#include "cep/plan/partial_pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
/// A stage's partial matches, each at its last event.
DerivedRule live_prefix(const Rule& rule, const PatternStage& stage);
/// Events of a type that the stage waits for, each with the partial match that it came to; asks
/// what its step asks.
DerivedRule live_extension(const Rule& rule, const PatternStage& stage);
/// The first event of `kinds` with `where` after a partial match of the stage. kNext: where it is
/// the very next one that is considered; else kFirst.
DerivedRule live_interruption(const Rule& rule, const PatternStage& stage,
                              const std::vector<Subset>& kinds, const ExprPtr& where,
                              Contiguity contiguity);
/// A stage's partial matches that end with the rule's time, as nothing came that the stage waits
/// for. Nothing where the rule has no time, or the step reads its own events.
std::optional<DerivedRule> live_expiry(const Rule& rule, const PatternStage& stage);
/// All steps, where absences or `without … for` are still to be decided after them.
std::optional<DerivedRule> live_steps(const Rule& rule);
/// The whole pattern, or the window that closes; asks `where`, `having` and the conditions of
/// `except`.
DerivedRule live_complete(const Rule& rule);
/// The rule with its clauses up to this one.
DerivedRule live_up_to(const Rule& rule, Clauses last);
/// Each event that the rule's window may collect; asks whether it is of its kinds.
DerivedRule window_events(const Rule& rule);
}  // namespace tocsin::cep
