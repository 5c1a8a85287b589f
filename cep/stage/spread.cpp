#include "cep/stage/spread.h"

#include <fmt/format.h>

#include <algorithm>

#include "cep/compile/program.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/record/state_layout.h"
#include "cep/stage/row_groups.h"

namespace tocsin::cep {
namespace {
std::string name_of(const KeySpec& key) {
  std::string name;
  for (const KeyPart& part : key.parts) name += (name.empty() ? "" : ", ") + part.name;
  return name.empty() ? "no key" : name;
}

bool takes_alerts(const Plan& plan, const Rule& rule) {
  bool takes = false;
  for_each_kinds(rule, [&](const std::vector<Subset>& events) {
    for (const Subset& subset : events) {
      takes = takes || plan.event_types[subset.type.value].is_alert();
    }
  });
  return takes;
}

// One pass with all there is.
SpreadPlan whole_plan(const ProgramImpl& program) {
  SpreadPlan spread;
  spread.is_whole = true;
  SpreadPlan::Pass& pass = spread.passes.emplace_back();
  for (const TableProgram& table : program.tables) {
    const std::string name = name_of(table.key);
    if (std::ranges::find(pass.keys, name) == pass.keys.end()) pass.keys.push_back(name);
  }
  for (const RuleProgram& rule : program.rules) pass.rules.push_back(rule.index);
  for (const FeatureProgram& feature : program.features) pass.features.push_back(feature.index);
  return spread;
}

std::string text_of_coupling(const Plan& plan, const ProgramImpl::Coupling& coupling) {
  const Rule& rule = plan.rules[coupling.rule.value];
  const Feature& feature = plan.features[coupling.feature.value];
  return fmt::format(
      "rule `{}` (by {}) reads feature `{}` (by {}), which takes its next event when it is known "
      "what the rule made of the one before: events wait for each other across keys. Give both one "
      "key without roles, or let the feature count what a rule raises that does not read it",
      rule.name, name_of(rule.key), feature.name, name_of(feature.key));
}
}  // namespace

std::vector<SpreadObstacle> spread_obstacles(const Program& program) {
  const Plan& plan = program.plan();
  std::vector<SpreadObstacle> obstacles;
  for (const ProgramImpl::Coupling& coupling : program.impl().couplings) {
    const bool is_known = std::ranges::any_of(obstacles, [&](const SpreadObstacle& other) {
      return other.rule == coupling.rule && other.feature == coupling.feature;
    });
    if (is_known) continue;
    obstacles.push_back({coupling.rule, coupling.feature, text_of_coupling(plan, coupling)});
  }
  // Alerts of one cause are numbered where they are taken: two parts may give two of them one
  // number, by which `once per` knows them.
  for (const RuleProgram& rule : program.impl().rules) {
    if (rule.rule->suppression.kind() != Once::kPerVariable) continue;
    if (!holds_back_by_values(*rule.rule) || !takes_alerts(plan, *rule.rule)) continue;
    obstacles.push_back(
        {rule.index, std::nullopt,
         fmt::format("rule `{}` (by {}) is to be raised once per event over all keys, and takes "
                     "alerts as events. Leave `for each` out, or say a duration after `once per`",
                     rule.rule->name, name_of(rule.rule->key))});
  }
  return obstacles;
}

SpreadPlan spread_plan(const Program& program) {
  const ProgramImpl& impl = program.impl();
  SpreadPlan spread;
  if (!spread_obstacles(program).empty()) return whole_plan(impl);
  spread.passes.resize(impl.pass_count);
  for (const TableProgram& table : impl.tables) {
    spread.passes[pass_of(table)].keys.push_back(name_of(table.key));
  }
  for (const RuleProgram& rule : impl.rules) {
    SpreadPlan::Pass& pass = spread.passes[rule.pass];
    pass.rules.push_back(rule.index);
    if (holds_back_by_values(*rule.rule)) {
      pass.has_hold = true;
      pass.held.push_back(rule.index);
    }
    if (rule.rule->key.parts.empty()) spread.rules_without_key.push_back(rule.index);
  }
  for (const FeatureProgram& feature : impl.features) {
    spread.passes[feature.pass].features.push_back(feature.index);
    if (feature.take_pass != feature.pass) {
      spread.passes[feature.take_pass].features.push_back(feature.index);
    }
    if (feature.feature->key.parts.empty()) spread.features_without_key.push_back(feature.index);
  }
  return spread;
}
}  // namespace tocsin::cep
