/// Where each rule stands in the rule files, as it is written.
#pragma once
#include <map>
#include <string>

#include "api/rules/rule_loader.h"

namespace tocsin::api {
struct RuleSource {
  std::string file;
  std::size_t line = 1;
  std::string text;  // from its first word to its last, without what stands before it
};
/// By the rules' names; drafts too.
std::map<std::string, RuleSource> rule_sources(const LoadedRules& rules);
}  // namespace tocsin::api
