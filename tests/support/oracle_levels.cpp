#include "tests/support/oracle_levels.h"

#include <algorithm>
#include <functional>
#include <set>

#include "cep/base/assert.h"
#include "cep/plan/feature.h"
#include "cep/plan/rule.h"

namespace tocsin::oracle {
using cep::Element;
using cep::ExprPtr;
using cep::Rule;

namespace {
using Visit = std::function<void(const cep::Expr&)>;

void walk(const ExprPtr& expr, const Visit& visit) {
  if (!expr) return;
  visit(*expr);
  for (const ExprPtr& arg : expr->args) walk(arg, visit);
}
void walk(const std::vector<Element>& elements, const Visit& visit) {
  for (const Element& element : elements) {
    walk(element.where(), visit);
    walk(element.until_where(), visit);
    walk(element.children(), visit);
  }
}
// All expressions of a rule.
void walk(const Rule& rule, const Visit& visit) {
  walk(rule.pattern, visit);
  if (rule.window) walk(rule.window->where, visit);
  if (rule.without) walk(rule.without->where, visit);
  for (const cep::Exception& exception : rule.exceptions) walk(exception.condition, visit);
  walk(rule.having, visit);
  walk(rule.severity, visit);
  walk(rule.suppression.condition(), visit);
  walk(rule.suppression.zone(), visit);
  for (const ExprPtr& expr : rule.suppression.for_each) walk(expr, visit);
  if (rule.suppression.at_most) {
    for (const ExprPtr& expr : rule.suppression.at_most->for_each) walk(expr, visit);
  }
  for (const cep::MessagePart& part : rule.message) walk(part.expr, visit);
  for (const cep::AlertField& field : rule.fields) walk(field.expr, visit);
}
void walk(const cep::Feature& feature, const Visit& visit) {
  walk(feature.argument, visit);
  walk(feature.window.where(), visit);
  walk(feature.where, visit);
}

std::set<std::uint32_t> raisers_of(const cep::Plan& plan, const std::vector<cep::Subset>& events) {
  std::set<std::uint32_t> rules;
  for (const cep::Subset& subset : events) {
    const cep::EventType& type = plan.event_types[subset.type.value];
    if (type.alert_of) rules.insert(type.alert_of->value);
    for (const cep::RuleIndex rule : type.any_alert_of) rules.insert(rule.value);
  }
  return rules;
}

// A type that both keys have says another field, or they have other parts.
bool is_another_key(const cep::KeySpec& a, const cep::KeySpec& b) {
  if (a.parts.size() != b.parts.size()) return true;
  for (std::size_t i = 0; i < a.parts.size(); ++i) {
    for (const cep::KeyMember& mine : a.parts[i].members) {
      for (const cep::KeyMember& other : b.parts[i].members) {
        if (mine.type == other.type && mine.role == other.role && mine.field != other.field) {
          return true;
        }
      }
    }
  }
  return false;
}

std::uint32_t level_of_feature(const cep::Plan& plan, const cep::Feature& feature);

// The level of what reads these alerts and features under this key.
template <typename Reader>
std::uint32_t level_of_reader(const cep::Plan& plan, const Reader& reader, const cep::KeySpec& key,
                              const std::vector<cep::Subset>& events) {
  std::uint32_t level = 0;
  for (const std::uint32_t raiser : raisers_of(plan, events)) {
    level = std::max(level, level_of(plan, cep::RuleIndex(raiser)) + 1);
  }
  walk(reader, [&](const cep::Expr& expr) {
    if (expr.op != cep::Op::kFeature) return;
    const cep::Feature& feature = plan.features[feature_of(expr).value];
    const bool other = !expr.args.empty() || is_another_key(feature.key, key);
    level = std::max(level, level_of_feature(plan, feature) + (other ? 1 : 0));
  });
  return level;
}
std::uint32_t level_of_feature(const cep::Plan& plan, const cep::Feature& feature) {
  return level_of_reader(plan, feature, feature.key, feature.events);
}

// The rules whose alerts a rule needs to be known.
std::set<std::uint32_t> needs_of(const cep::Plan& plan, std::uint32_t index) {
  const Rule& rule = plan.rules[index];
  std::set<std::uint32_t> needs = raisers_of(plan, rule.considered);
  const std::function<void(const cep::Expr&)> visit = [&](const cep::Expr& expr) {
    if (expr.op != cep::Op::kFeature) return;
    const cep::Feature& feature = plan.features[feature_of(expr).value];
    needs.merge(raisers_of(plan, feature.events));
    // The rule itself may read what leaves its own alerts out.
    if (feature.unless_alerted_by && feature.unless_alerted_by->value != index) {
      needs.insert(feature.unless_alerted_by->value);
    }
    walk(feature, visit);
  };
  walk(rule, visit);
  return needs;
}
}  // namespace

std::uint32_t level_of(const cep::Plan& plan, cep::RuleIndex rule) {
  const Rule& reader = plan.rules[rule.value];
  return level_of_reader(plan, reader, reader.key, reader.considered);
}

std::vector<std::vector<cep::RuleIndex>> stages_of(const cep::Plan& plan) {
  std::vector<std::vector<cep::RuleIndex>> stages;
  std::set<std::uint32_t> done;
  while (done.size() < plan.rules.size()) {
    std::vector<cep::RuleIndex> stage;
    for (std::uint32_t r = 0; r < plan.rules.size(); ++r) {
      const std::set<std::uint32_t> needs = needs_of(plan, r);
      if (!done.contains(r) &&
          std::includes(done.begin(), done.end(), needs.begin(), needs.end())) {
        stage.emplace_back(r);
      }
    }
    TOCSIN_ASSERT(!stage.empty(), "no rule reads its own alerts");
    for (const cep::RuleIndex rule : stage) done.insert(rule.value);
    stages.push_back(std::move(stage));
  }
  return stages;
}

std::vector<cep::EventTypeIndex> types_of_alert(const cep::Plan& plan, cep::RuleIndex rule) {
  std::vector<cep::EventTypeIndex> own;
  std::vector<cep::EventTypeIndex> any;
  for (std::size_t i = 0; i < plan.event_types.size(); ++i) {
    const cep::EventType& type = plan.event_types[i];
    if (type.alert_of == rule) own.emplace_back(i);
    // `any alert` knows nothing of shadow rules.
    if (plan.rules[rule.value].status != cep::Status::kShadow &&
        std::find(type.any_alert_of.begin(), type.any_alert_of.end(), rule) !=
            type.any_alert_of.end()) {
      any.emplace_back(i);
    }
  }
  own.insert(own.end(), any.begin(), any.end());
  return own;
}
}  // namespace tocsin::oracle
