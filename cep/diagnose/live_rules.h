/// The rules that a trace of a key runs beside the rule itself (rule_trace.h). Unlike those of a
/// near miss they go on only with partial matches that nothing has ended (no absence, no `next`, no
/// time), and give one alert for each event: the engine may prune them as it prunes the rule.
#pragma once
#include <optional>
#include <vector>

#include "cep/diagnose/near_miss_rules.h"
#include "cep/plan/partial_pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
/// A stage's partial matches, each at its last event, or the shortest time after it where the event
/// may be one that must not come. Nothing where its pattern ends with an optional element, and
/// something must not come.
std::optional<DerivedRule> live_prefix(const Rule& rule, const PatternStage& stage);
/// Events of a type that the stage waits for, each with the partial match that it came to; asks
/// what its step asks. Nothing where what ends such a partial match cannot be said: at the begin of
/// a group, after an optional step, by a condition that counts the loop's own events.
std::optional<DerivedRule> live_extension(const Rule& rule, const PatternStage& stage);
/// The first event of `kinds` with `where` after a partial match of the stage; where the stage
/// waits for the next event, that one. Nothing as for live_extension().
std::optional<DerivedRule> live_interruption(const Rule& rule, const PatternStage& stage,
                                             const std::vector<Subset>& kinds,
                                             const ExprPtr& where);
/// A stage's partial matches that end with the stage's time, or the rule's, as nothing came that
/// the stage waits for. Nothing where there is no such time, after a greedy loop, or as
/// live_extension().
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
