/// One embedded test with its outcome, as people and programs read it.
#pragma once
#include "cep/data/text_database.h"
#include "library/testing/test_programs.h"
#include "library/testing/test_report.h"
#include "rules/context/rules.h"
#include "rules/text/diagnostics.h"

namespace tocsin::library {
/// What stands for the test before it ran: rule, title and line.
TestResult name_test(const rules::SourceMap& sources, const rules::EmbeddedTest& test);
/// Runs the test with the programs of the rules, and says all that a failed one shows; `seconds`
/// are left out. A run that fails is a test that failed. `cache`: as explain_failure() uses it.
TestResult judge_test(const rules::RuleSet& rules, const rules::SourceMap& sources,
                      TestPrograms& programs, const rules::EmbeddedTest& test,
                      cep::TextDatabaseCache* cache);
}  // namespace tocsin::library
