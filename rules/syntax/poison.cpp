#include "rules/syntax/poison.h"

#include <variant>

namespace tocsin::rules {
namespace {
class Poisoner {
 public:
  explicit Poisoner(const std::set<PoisonedExpr>& poisoned) : poisoned_(poisoned) {}

  void item(tree::Use&) {}
  void item(tree::Allow&) {}
  void item(tree::Key&) {}
  void item(tree::List&) {}
  void item(tree::Table&) {}
  void item(tree::Const&) {}
  void item(tree::Defaults&) {}
  void item(tree::Test&) {}
  void item(tree::Event& event) {
    for (tree::Field& field : event.fields) expr(field.computed);
  }
  void item(tree::Kind& kind) {
    for (tree::Subset& subset : kind.subsets) expr(subset.where);
  }
  void item(tree::Feature& feature) {
    expr(feature.aggregate);
    expr(feature.window.where);
  }
  void item(tree::Features& group) {
    expr(group.window.where);
    for (tree::FeatureEntry& entry : group.entries) {
      expr(entry.argument);
      expr(entry.where);
    }
  }
  void item(tree::Rule& rule) {
    if (rule.severity) expr(rule.severity->expr);
    if (rule.when) {
      if (auto* window = std::get_if<tree::EventWindow>(&rule.when->what)) {
        expr(window->where);
      } else {
        pattern(std::get<tree::Pattern>(rule.when->what));
      }
    }
    if (rule.having) expr(rule.having->expr);
    if (rule.without) expr(rule.without->where);
    for (tree::ExceptClause& except : rule.excepts) expr(except.where);
    if (rule.once) {
      expr(rule.once->condition);
      for (tree::ExprPtr& each : rule.once->for_each) expr(each);
    }
    if (rule.at_most) {
      for (tree::ExprPtr& each : rule.at_most->for_each) expr(each);
    }
    if (!rule.alert) return;
    for (tree::MessagePart& part : rule.alert->parts) expr(part.expr);
    for (tree::Record::Entry& entry : rule.alert->fields.entries) expr(entry.value);
  }

 private:
  void pattern(tree::Pattern& pattern) {
    for (tree::Element& element : pattern.elements) {
      if (auto* absence = std::get_if<tree::Absence>(&element.body)) {
        expr(absence->where);
      } else {
        step(std::get<tree::Step>(element.body));
      }
    }
  }
  void step(tree::Step& tree) {
    expr(tree.where);
    if (tree.until) expr(tree.until->where);
    for (tree::Pattern& inner : tree.patterns) pattern(inner);
    for (tree::Step& member : tree.members) step(member);
  }
  void expr(tree::ExprPtr& tree) {
    if (!tree) return;
    if (poisoned_.contains({tree->kind, tree->op_span.begin})) {
      tree->kind = tree::ExprKind::kError;
      tree->args.clear();
      tree->aggregate.reset();
      return;
    }
    for (tree::ExprPtr& arg : tree->args) expr(arg);
    if (!tree->aggregate) return;
    expr(tree->aggregate->argument);
    expr(tree->aggregate->where);
    for (tree::AggregateParam& param : tree->aggregate->params) expr(param.expr);
    if (tree->aggregate->over) expr(tree->aggregate->over->where);
  }

  const std::set<PoisonedExpr>& poisoned_;
};
}  // namespace

void poison(tree::File& file, const std::set<PoisonedExpr>& poisoned) {
  if (poisoned.empty()) return;
  Poisoner poisoner(poisoned);
  for (tree::Item& item : file.items) {
    std::visit([&](auto& declaration) { poisoner.item(declaration); }, item);
  }
}
}  // namespace tocsin::rules
