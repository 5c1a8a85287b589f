/// What `tocsin explain` says of a rule as plain lines, for tests.
#pragma once
#include <string>

#include "cep/base/index.h"
#include "cep/plan/plan.h"

namespace tocsin::tests {
/// Headings and passages, a line each, those below others indented.
std::string explained_text(const cep::Plan& plan, cep::RuleIndex rule);
}  // namespace tocsin::tests
