/// The embedded tests of a checked set with their outcomes, for those who are not told of each as
/// it ends.
#pragma once
#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "cep/data/text_database.h"
#include "cep/engine/engine.h"
#include "cep/value/identity.h"
#include "library/testing/test_report.h"
#include "rules/context/rules.h"

namespace tocsin::library {
/// Which tests run: those of a rule and of a title; empty: of any.
struct TestChoice {
  std::string rule;
  std::string title;
  /// Asked before each test; absent: yes.
  std::function<bool()> may_go_on = {};
  /// Whether a test of these is wanted; absent: each is.
  std::function<bool(const rules::EmbeddedTest&)> wants = {};
};
/// Tests that passed, by digests of all that decides it: the rule with what it reads, the events
/// and what is expected. Where they stand, and what stands beside them, is in none. Not for several
/// threads.
class PassedTests {
 public:
  bool has(const cep::Digest& test) const { return tests_.contains(test); }
  void add(const cep::Digest& test);

 private:
  std::set<cep::Digest> tests_;
};
struct JudgedTest {
  std::string file;
  TestResult result;
};
struct JudgedTests {
  std::vector<JudgedTest> tests;  // in the order of the files
  std::size_t passed = 0;
  std::size_t kept = 0;      // of them: they had passed before, and did not run
  std::size_t not_run = 0;   // chosen, but it might not go on
  std::size_t unwanted = 0;  // of the rule and title, but not wanted
};
/// `program` is that of the rules, which `loaded` has. `cache`: as judge_test() uses it. `known`:
/// tests in it do not run, those that pass come into it; null: all run.
JudgedTests judge_tests(const rules::Loaded& loaded, const cep::Program& program,
                        const TestChoice& choice, cep::TextDatabaseCache* cache,
                        PassedTests* known = nullptr);
}  // namespace tocsin::library
