/// The embedded tests of a checked set with their outcomes, for those who are not told of each as
/// it ends.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "cep/data/text_database.h"
#include "cep/engine/engine.h"
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
struct JudgedTest {
  std::string file;
  TestResult result;
};
struct JudgedTests {
  std::vector<JudgedTest> tests;  // in the order of the files
  std::size_t passed = 0;
  std::size_t not_run = 0;   // chosen, but it might not go on
  std::size_t unwanted = 0;  // of the rule and title, but not wanted
};
/// `program` is that of the rules, which `loaded` has. `cache`: as judge_test() uses it.
JudgedTests judge_tests(const rules::Loaded& loaded, const cep::Program& program,
                        const TestChoice& choice, cep::TextDatabaseCache* cache);
}  // namespace tocsin::library
