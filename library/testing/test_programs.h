/// The programs that embedded tests run on: each rule with what it reads, and no other rules, so
/// that a test costs the same however many rules stand beside its own.
#pragma once
#include <atomic>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/data/text_database.h"
#include "cep/plan/plan_part.h"
#include "library/testing/test_runner.h"
#include "rules/context/rules.h"

namespace tocsin::library {
/// Threading: any number of callers.
class TestPrograms {
 public:
  /// `cache`: for text databases; may be null, else outlives this.
  TestPrograms(cep::Program whole, cep::TextDatabaseCache* cache);
  const cep::Program& whole() const { return whole_; }
  /// As run_embedded_test() with all rules: a test that does not pass runs again with them, so that
  /// what is said of it is in terms of the whole plan. The program of a rule is kept until a test
  /// of another rule runs.
  Result<TestOutcome> run(const rules::EmbeddedTest& test);

 private:
  Result<cep::Program> program_of(cep::RuleIndex rule);

  cep::Program whole_;
  cep::PlanParts parts_;
  std::unordered_map<std::string_view, cep::RuleIndex> rules_;  // by name
  cep::TextDatabaseCache* cache_;
  struct Kept {
    cep::RuleIndex rule;
    cep::Program program;
  };
  std::atomic<std::shared_ptr<const Kept>> kept_ = {};
};
}  // namespace tocsin::library
