#include "tests/simulation/deployed_rules.h"

#include "cep/data/alert.h"
#include "cep/plan/rule.h"

namespace tocsin::simulation {
using runtime::NamedContents;
using runtime::NodeSettings;

DeployedRules::DeployedRules(const World& world) : world_(world) {
  for (const cep::Rule& rule : world.plan->rules) own_.insert(rule.id);
  deploys_.emplace_back(0, &alone());
}

const cep::Program& DeployedRules::other_than(const cep::Program& program) const {
  return &program == &alone() ? *world_.beside : alone();
}

const cep::Program& DeployedRules::of(const NodeSettings& settings) const {
  if (settings.plan == runtime::settings_of(alone(), {}).plan) return alone();
  must(world_.beside && settings.plan == runtime::settings_of(*world_.beside, {}).plan,
       "it keeps rules that it was never given");
  return *world_.beside;
}

std::vector<NamedContents> DeployedRules::texts_of(const cep::Program& program) const {
  return {{"rules.tocsin", &program == &alone() ? world_.rules : "and others"}};
}

bool DeployedRules::is_own(const runtime::StoredAlert& alert) const {
  if (alert.rule != cep::kBudgetRule) return own_.contains(alert.rule);
  return alert.line.find("\"fields\":{\"rule\":\"other_") == std::string::npos;
}

void DeployedRules::deploy(std::uint64_t sequence, const cep::Program& program) {
  deploys_.emplace_back(sequence, &program);
}

void DeployedRules::settle(std::uint64_t end) {
  while (deploys_.size() > 1 && deploys_[1].first < end) deploys_.erase(deploys_.begin());
}

void DeployedRules::begin_with(const cep::Program& program) {
  while (deploys_.size() > 1 && deploys_.back().second != &program) deploys_.pop_back();
  must(deploys_.back().second == &program,
       "it goes on with rules before those that were deployed for good");
}
}  // namespace tocsin::simulation
