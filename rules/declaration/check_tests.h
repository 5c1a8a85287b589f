/// Embedded tests: their events as values, their expectations typed.
#pragma once
#include <vector>

#include "rules/context/check_context.h"
#include "rules/context/rules.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// Checks one test, after all rules. A test of a draft rule is checked and left out.
void check_test(CheckContext& context, const tree::Test& test, std::vector<EmbeddedTest>& tests);
}  // namespace tocsin::rules
