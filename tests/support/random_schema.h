/// Random event types and lists for a plan.
#pragma once
#include "cep/plan/plan.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// Adds two or three event types, whose fields agree where they have one name.
void add_event_types(Random& random, cep::Plan& plan);
/// Adds lists of cards, counts and amounts, or some of them.
void add_lists(Random& random, cep::Plan& plan);
}  // namespace tocsin::tests
