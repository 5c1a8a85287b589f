#include "api/language/changed_tests.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "runtime/node/node_settings.h"

namespace tocsin::api {
namespace {
// What is written from the test's rule up to the next test of its file: what follows the test is
// of no test, and makes it run once too often at most.
std::string_view text_of(const rules::Loaded& loaded, const rules::EmbeddedTest& test) {
  const std::string_view text = loaded.sources.text(test.span.file);
  const std::size_t end = std::min(text.find("\ntest ", test.span.begin), text.size());
  return text.substr(test.span.begin, end - test.span.begin);
}
}  // namespace

ChangedTests::ChangedTests(const CurrentRules& active, const RulePack& pack,
                           const LoadedRules& edited)
    : edited_(edited) {
  const runtime::NodeSettings now = runtime::settings_of(*edited.program, {});
  const runtime::NodeSettings& before = active.settings;
  are_all_ = now.events != before.events || now.data != before.data || !active.rules.loaded.rules;
  if (are_all_) return;
  const std::vector<cep::Rule>& rules = edited.program->plan().rules;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto same = std::ranges::find(before.rules, now.rules[i]);
    if (same == before.rules.end()) rules_.insert(rules[i].name);
  }
  // A message is in no digest.
  std::map<std::string, std::string> bodies;
  for (RuleText& rule : active.pack.rules()) bodies[rule.name] = std::move(rule.body);
  for (const RuleText& rule : pack.rules()) {
    const auto known = bodies.find(rule.name);
    if (known == bodies.end() || known->second != rule.body) rules_.insert(rule.name);
  }
  for (const rules::EmbeddedTest& test : active.rules.loaded.rules->tests) {
    known_[test.rule].insert(text_of(active.rules.loaded, test));
  }
}

bool ChangedTests::has(const rules::EmbeddedTest& test) const {
  if (are_all_ || rules_.contains(test.rule)) return true;
  const auto known = known_.find(test.rule);
  return known == known_.end() || !known->second.contains(text_of(edited_.loaded, test));
}
}  // namespace tocsin::api
