/// How long what a rule remembers of its alerts can matter, where the rule itself bounds it.
#pragma once
#include <optional>

#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// What of a rule bounds what it remembers of its alerts; nothing where that has no end.
struct SuppressionLife {
  std::optional<Duration> taken;  // how long a match may come that holds an event that was taken
  std::optional<Duration> quiet;  // kWhile: so long after the key's last event the next one ends it
};
/// `longest`: longest_life() of the rule, nothing where a partial match has no end.
SuppressionLife suppression_life(const Plan& plan, const Rule& rule,
                                 std::optional<Duration> longest);

/// When the quiet of `once while` needs no event to end it: so long after the last event of the key
/// that the rule saw, whatever comes next finds the condition not true. So it is where the
/// condition asks a count (or a number of distinct values) over a window for two or more, the
/// window is under the rule's own key, and the rule sees all that it counts. Nothing elsewhere.
std::optional<Duration> quiet_ends_after(const Plan& plan, const Rule& rule);
}  // namespace tocsin::cep
