/// Why a test failed: for an alert that is missing how far its rule came and what stopped it, for
/// one that was not expected the events that made it.
#pragma once
#include <string>

#include "cep/compile/compile.h"
#include "library/testing/test_runner.h"
#include "rules/context/rules.h"

namespace tocsin::library {
/// Lines, each ended and indented by two; empty where nothing is to be said. At most a few alerts
/// are explained, and then it is said. `outcome` is that of `test`. Rules are compiled anew for it:
/// text databases are taken from `cache` and kept there, where one is given.
std::string explain_failure(const rules::RuleSet& rules, const rules::SourceMap& sources,
                            const rules::EmbeddedTest& test, const TestOutcome& outcome,
                            cep::TextDatabaseCache* cache);
/// What was expected and did not come, and what came unexpected, in order: an alert that comes when
/// one was expected, with its key, is neither, whatever else differs.
struct Unmatched {
  std::vector<const rules::ExpectedAlert*> missing;
  std::vector<const cep::Alert*> surplus;
};
Unmatched match_up(const cep::Plan& plan, const rules::EmbeddedTest& test,
                   const std::vector<cep::Alert>& alerts);
}  // namespace tocsin::library
