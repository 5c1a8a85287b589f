/// What a rule's expressions mention, found by walking the lowered rule.
#pragma once
#include <vector>

#include "cep/plan/plan_fwd.h"
#include "cep/plan/rule.h"

namespace tocsin::rules {
/// The fields that a rule's alerts keep of its events: those that its expressions name, its kinds'
/// conditions included, and those marked `evidence`. (The key is in the alert anyway.) A type of
/// which nothing is kept is left out.
std::vector<cep::Captured> captured_fields(const cep::Plan& plan, const cep::Rule& rule);
}  // namespace tocsin::rules
