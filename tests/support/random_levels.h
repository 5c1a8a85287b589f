/// Adds to a random plan what lies between rules: alerts as events, features of alerts, `unless
/// alerted by`, roles, and windows that close.
#pragma once
#include <cstddef>

#include "cep/plan/plan.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// Makes a rule one with a window that closes.
void make_window_rule(Random& random, cep::Plan& plan, std::size_t rule);
/// Splits an event type of a rule's key into two roles, where that can be.
void make_roles(Random& random, cep::Plan& plan, std::size_t rule);
/// Adds a rule that reads the alerts of those before it, perhaps through a feature.
void add_reader(Random& random, cep::Plan& plan);
/// Lets some rules be live for a share of their keys.
void give_shares(Random& random, cep::Plan& plan);
/// Adds a feature that leaves out the alerts of a rule, and reads it in that rule.
void add_unless_alerted(Random& random, cep::Plan& plan, std::size_t rule);
}  // namespace tocsin::tests
