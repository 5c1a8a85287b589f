#include "library/testing/judge_tests.h"

#include <utility>

#include "library/testing/judge_test.h"
#include "library/testing/test_programs.h"

namespace tocsin::library {
JudgedTests judge_tests(const rules::Loaded& loaded, const cep::Program& program,
                        const TestChoice& choice, cep::TextDatabaseCache* cache) {
  TestPrograms programs(program, cache);
  JudgedTests judged;
  for (const rules::EmbeddedTest& test : loaded.rules->tests) {
    if (!choice.rule.empty() && test.rule != choice.rule) continue;
    if (!choice.title.empty() && test.title != choice.title) continue;
    if (choice.wants && !choice.wants(test)) {
      ++judged.unwanted;
      continue;
    }
    if (judged.not_run != 0 || (choice.may_go_on && !choice.may_go_on())) {
      ++judged.not_run;
      continue;
    }
    TestResult result = judge_test(*loaded.rules, loaded.sources, programs, test, cache);
    judged.passed += result.passed ? 1 : 0;
    judged.tests.push_back({loaded.sources.path(test.span.file), std::move(result)});
  }
  return judged;
}
}  // namespace tocsin::library
