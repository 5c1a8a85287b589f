#include "library/testing/judge_test.h"

#include "library/testing/test_explainer.h"
#include "library/testing/test_runner.h"

namespace tocsin::library {
TestResult name_test(const rules::SourceMap& sources, const rules::EmbeddedTest& test) {
  TestResult result;
  result.rule = test.rule;
  result.title = test.title;
  result.line = static_cast<std::uint32_t>(sources.place(test.span.file, test.span.begin).line);
  return result;
}

TestResult judge_test(const rules::RuleSet& rules, const rules::SourceMap& sources,
                      TestPrograms& programs, const rules::EmbeddedTest& test,
                      cep::TextDatabaseCache* cache) {
  TestResult result = name_test(sources, test);
  const Result<TestOutcome> outcome = programs.run(test);
  result.passed = outcome && outcome->passed();
  if (!outcome) {
    result.difference = outcome.error().message;
    result.text = "  " + outcome.error().message + '\n';
  } else if (!result.passed) {
    result.difference = outcome->differences.front();
    result.text = describe_failure(programs.whole().plan(), test, *outcome);
    result.text += explain_failure(rules, sources, test, *outcome, cache);
  }
  return result;
}
}  // namespace tocsin::library
