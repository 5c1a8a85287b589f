/// How busy keys of a rule are matched by places (cep/places/places.h), where the rule allows it.
#pragma once
#include <optional>

#include <tl/expected.hpp>

#include "cep/compile/obstacle.h"
#include "cep/compile/places_bounds.h"
#include "cep/compile/program.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// Else the first thing in the rule that needs partial matches. Each condition must look at one
/// event, or compare it with the first one, and the first match in order must be the one that is
/// selected, whatever it is. Requires a rule with its steps, of kRuns but for obstacles that
/// is_of_sequence() is true of.
tl::expected<PlacesProgram, Obstacle> places_of(const Plan& plan, const RuleProgram& rule);
/// Whether places may do away with the obstacle: with the others of general_obstacles() they do
/// not.
bool is_of_sequence(ObstacleKind kind);
/// Fills in what the steps compare with earlier events: the value, the pair and the chain, where
/// the rule has them.
void find_comparisons(const RuleProgram& rule, PlacesProgram& places);
/// How far a rule's first step, a loop, reaches from its first event; absent where it does not say
/// that, or other steps, `until` or `without` need partial matches then. `enough` is left empty.
std::optional<PlacesReach> reach_of(const Plan& plan, const RuleProgram& rule);
/// Whether an expression of a rule with its steps reads events of a match but the last one.
bool reads_before_last(const RuleProgram& rule, const Expr& expr);
/// Whether values are equal where their key bytes are (cep/value/key.h).
bool is_told_by_bytes(TypeKind kind);
}  // namespace tocsin::cep
