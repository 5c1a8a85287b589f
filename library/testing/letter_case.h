/// Conditions that fail by a difference between capital and small letters alone.
#pragma once
#include <string>
#include <vector>

#include "cep/diagnose/near_miss.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::library {
/// What to write where a condition on a text, which was not true, would have been true if capital
/// and small letters were the same; empty where it would not. `seen`: the values that it read.
std::string letter_case_advice(const cep::Plan& plan, const cep::Rule& rule,
                               const cep::Expr& condition, const std::vector<cep::SeenValue>& seen);
}  // namespace tocsin::library
