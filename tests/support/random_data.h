/// Text search, functions, tables, zones and computed fields in random plans.
#pragma once
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/plan.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// Adds a table, lists to search for and zones to a plan.
void add_data(cep::Plan& plan);
/// Adds a computed field and `unique` to event types.
void add_data_fields(Random& random, cep::Plan& plan);
/// A condition on these at an event of any of the types; absent where they lack the fields.
cep::ExprPtr random_data_condition(Random& random, const cep::Plan& plan,
                                   const std::vector<cep::EventTypeIndex>& types);
/// A text in which there is something to find.
const char* random_note(Random& random);
}  // namespace tocsin::tests
