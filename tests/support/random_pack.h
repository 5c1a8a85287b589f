/// Random packs: plans of several rules that read each other, and budgets that they exceed.
#pragma once
#include "cep/plan/limits.h"
#include "cep/plan/plan.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// Few cases exceed them. No oracle tells which are too large.
inline constexpr cep::Limits kRarelyExceeded{.runs_per_key_max = 100,
                                             .matches_per_event_max = 100,
                                             .steps_per_event_max = 5'000,
                                             .shared_events_min = 2,
                                             .busy_key_runs = 1,
                                             .ordered_runs_min = 1};
/// Many cases exceed them.
cep::Limits often_exceeded(Random& random);
/// A plan that validates; of any kind, or two that became one.
cep::Plan random_pack(Random& random);
}  // namespace tocsin::tests
