/// Which tests of rules that are edited may come out otherwise than with the active rules.
#pragma once
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "api/node/rule_service.h"
#include "api/rules/rule_loader.h"
#include "api/rules/rule_pack.h"
#include "rules/context/rules.h"

namespace tocsin::api {
/// Those of rules that are written otherwise than the active ones, or read something that is (their
/// digests are others), and those that are written otherwise themselves. Where event types, lists
/// or tables are others, all.
class ChangedTests {
 public:
  /// Borrows the rules; `edited` is what `pack` was loaded to, and has a program.
  ChangedTests(const CurrentRules& active, const RulePack& pack, const LoadedRules& edited);
  bool has(const rules::EmbeddedTest& test) const;

 private:
  const LoadedRules& edited_;
  bool are_all_ = false;
  std::set<std::string, std::less<>> rules_;                              // by name
  std::map<std::string, std::set<std::string_view>, std::less<>> known_;  // texts, by rule
};
}  // namespace tocsin::api
