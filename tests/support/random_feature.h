/// Gives random features any aggregate and any window.
#pragma once
#include <vector>

#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// Changes aggregate, argument, type and window of a feature whose kinds stand already.
void enrich_feature(Random& random, const cep::Plan& plan, cep::Feature& feature);
/// The type of an aggregate over values of a type, as the plan has it.
cep::Type type_given(cep::Aggregate aggregate, const cep::Type& argument);
/// The name of one of random_zones(); a unit of the calendar.
const char* random_zone(Random& random);
cep::CalendarUnit random_unit(Random& random);
/// The zones that random features and clauses name, as data.
std::vector<cep::Zone> random_zones();
}  // namespace tocsin::tests
