#include "library/testing/test_programs.h"

#include <memory>
#include <utility>
#include <vector>

#include "cep/base/assert.h"
#include "cep/compile/program.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::library {
TestPrograms::TestPrograms(cep::Program whole, cep::TextDatabaseCache* cache)
    : whole_(std::move(whole)), parts_(whole_.plan()), cache_(cache) {
  const std::vector<cep::Rule>& rules = whole_.plan().rules;
  for (std::size_t i = 0; i < rules.size(); ++i) rules_.emplace(rules[i].name, i);
}

Result<cep::Program> TestPrograms::program_of(cep::RuleIndex rule) {
  if (const std::shared_ptr<const Kept> kept = kept_.load(); kept && kept->rule == rule) {
    return kept->program;
  }
  Result<cep::Program> program = cep::compile(
      std::make_shared<const cep::Plan>(parts_.of(rule).plan), whole_.impl().limits, cache_);
  if (program) kept_.store(std::make_shared<const Kept>(Kept{rule, *program}));
  return program;
}

Result<TestOutcome> TestPrograms::run(const rules::EmbeddedTest& test) {
  const auto rule = rules_.find(test.rule);
  TOCSIN_ASSERT(rule != rules_.end(), "the loader leaves out tests of rules not in the plan");
  const Result<cep::Program> program = program_of(rule->second);
  if (!program) return tl::unexpected(program.error());
  Result<TestOutcome> outcome = run_embedded_test(*program, test);
  if (outcome && outcome->passed()) return outcome;
  return run_embedded_test(whole_, test);
}
}  // namespace tocsin::library
