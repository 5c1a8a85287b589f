#include "cep/diagnose/key_condition.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "cep/compile/compile.h"
#include "cep/compile/program.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
ExprPtr bool_expr(Op op, std::vector<ExprPtr> args) {
  if (args.size() == 1 && (op == Op::kAnd || op == Op::kOr)) return args.front();
  auto expr = std::make_shared<Expr>();
  expr->op = op;
  expr->type.kind = TypeKind::kBool;
  expr->args = std::move(args);
  return expr;
}

class KeyCondition {
 public:
  KeyCondition(const Plan& plan, const KeySpec& key, const std::vector<OwnedValue>& values)
      : plan_(plan), key_(key), values_(values) {}

  // That an event of the type has the key, under any of its roles; null where it cannot be said.
  ExprPtr of(EventTypeIndex type) const {
    std::set<std::string> roles;
    for (const KeyPart& part : key_.parts) {
      for (const KeyMember& member : part.members) {
        if (member.type == type) roles.insert(member.role);
      }
    }
    std::vector<ExprPtr> alternatives;
    for (const std::string& role : roles) {
      if (role.empty() && roles.size() > 1) continue;  // parts that all roles share
      std::vector<ExprPtr> parts;
      for (std::size_t i = 0; i < key_.parts.size(); ++i) {
        ExprPtr part = of_part(type, i, role);
        if (!part) return nullptr;
        parts.push_back(std::move(part));
      }
      alternatives.push_back(bool_expr(Op::kAnd, std::move(parts)));
    }
    return alternatives.empty() ? nullptr : bool_expr(Op::kOr, std::move(alternatives));
  }

 private:
  ExprPtr of_part(EventTypeIndex type, std::size_t i, const std::string& role) const {
    const KeyPart& part = key_.parts[i];
    for (const KeyMember& member : part.members) {
      if (member.type != type || (!member.role.empty() && member.role != role)) continue;
      const Field& field = plan_.event_types[type.value].fields[member.field.value];
      const bool is_plain = field.type.kind == part.type.kind && part.type.kind != TypeKind::kEnum;
      if (!is_plain) return nullptr;
      auto read = std::make_shared<Expr>();
      read->op = Op::kField;
      read->type = field.type;
      read->payload = FieldRead{{field.name, {{type, member.field}}}};
      auto value = std::make_shared<Expr>();
      value->type = part.type;
      value->payload = LiteralValue{values_[i]};
      return bool_expr(Op::kEqual, {std::move(read), std::move(value)});
    }
    return nullptr;
  }

  const Plan& plan_;
  const KeySpec& key_;
  const std::vector<OwnedValue>& values_;
};

class Restriction {
 public:
  explicit Restriction(KeyCondition condition) : condition_(condition) {}

  void apply(std::vector<Subset>& kinds) const {
    for (Subset& subset : kinds) {
      const ExprPtr own = condition_.of(subset.type);
      if (!own) continue;
      subset.condition = subset.condition ? bool_expr(Op::kAnd, {own, subset.condition}) : own;
    }
  }
  void apply(std::vector<Element>& elements) const {
    for (Element& element : elements) {
      if (EventTest* const test = element.test()) apply(test->events);
      if (Step* const step = element.step()) apply(step->until_events);
      if (Group* const group = element.group()) apply(group->children);
    }
  }

 private:
  KeyCondition condition_;
};

// Which features rules read, and whether anything comes from other keys.
class Dependencies {
 public:
  Dependencies(const Program& program, const std::vector<std::uint32_t>& tables)
      : plan_(program.plan()), program_(program.impl()), tables_(tables) {}

  bool of(RuleIndex index) {
    const Rule& rule = plan_.rules[index.value];
    const std::optional<AtMost>& at_most = rule.suppression.at_most;
    if (!rule.suppression.for_each.empty() || (at_most && !at_most->for_each.empty())) return true;
    bool reads_alerts = false;
    for_each_kinds(rule, [&](const std::vector<Subset>& kinds) {
      reads_alerts = reads_alerts || has_alerts(kinds);
    });
    return reads_alerts || has_alerts(rule.considered) || of(all_exprs(rule));
  }
  bool of(FeatureIndex index) {
    if (!seen_.insert(index).second) return false;
    const Feature& feature = plan_.features[index.value];
    const std::uint32_t table = program_.features[index.value].table;
    const bool is_same_key = std::ranges::find(tables_, table) != tables_.end();
    return !is_same_key || feature.unless_alerted_by.has_value() || has_alerts(feature.events) ||
           of(feature_exprs(feature));
  }

 private:
  bool has_alerts(const std::vector<Subset>& kinds) const {
    return std::ranges::any_of(kinds, [&](const Subset& subset) {
      return plan_.event_types[subset.type.value].is_alert();
    });
  }
  bool of(const std::vector<const Expr*>& exprs) {
    const bool has_arguments = std::ranges::any_of(exprs, [](const Expr* expr) {
      return any_expr(*expr, [](const Expr& e) { return e.op == Op::kFeature && !e.args.empty(); });
    });
    if (has_arguments) return true;
    return std::ranges::any_of(features_read(exprs),
                               [&](FeatureIndex feature) { return of(feature); });
  }

  const Plan& plan_;
  const ProgramImpl& program_;
  const std::vector<std::uint32_t>& tables_;
  std::set<FeatureIndex> seen_;
};
}  // namespace

void restrict_to_key(const Plan& plan, Rule& rule, const std::vector<OwnedValue>& key) {
  if (rule.key.parts.empty()) return;
  const Restriction restriction(KeyCondition(plan, rule.key, key));
  restriction.apply(rule.pattern);
  restriction.apply(rule.considered);
  if (rule.without) restriction.apply(rule.without->events);
  if (rule.window) restriction.apply(rule.window->events);
}

bool depends_on_other_keys(const Program& program, const std::vector<RuleIndex>& rules,
                           const std::vector<std::uint32_t>& tables) {
  Dependencies dependencies(program, tables);
  return std::ranges::any_of(rules, [&](RuleIndex rule) { return dependencies.of(rule); });
}
bool depends_on_other_keys(const Program& program, const std::vector<RuleIndex>& rules,
                           const std::vector<FeatureIndex>& features,
                           const std::vector<std::uint32_t>& tables) {
  Dependencies dependencies(program, tables);
  return depends_on_other_keys(program, rules, tables) ||
         std::ranges::any_of(features,
                             [&](FeatureIndex feature) { return dependencies.of(feature); });
}
}  // namespace tocsin::cep
