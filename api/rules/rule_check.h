/// What is wrong with rules that are not to be run.
#pragma once
#include <string>
#include <vector>

#include "api/rules/rule_loader.h"

namespace tocsin::api {
/// As load_rules(), without the program: automata of many regular expressions are not compiled,
/// each expression was checked when it was read. `program` is absent.
LoadedRules check_rules(const std::vector<std::string>& files, const rules::LoadOptions& options);
}  // namespace tocsin::api
