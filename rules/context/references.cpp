#include "rules/context/references.h"

#include <utility>

namespace tocsin::rules {
namespace {
class Collector {
 public:
  void kind(const tree::KindRef& ref) { found.kinds.push_back(&ref); }
  void kinds(const tree::Kinds& kinds) {
    for (const tree::KindRef& ref : kinds.refs) kind(ref);
  }

  void expr(const tree::ExprPtr& tree) {
    if (tree) expr(*tree);
  }
  void expr(const tree::Expr& tree) {
    // A member may be a feature as of a step's event.
    if (tree.kind == tree::ExprKind::kName || tree.kind == tree::ExprKind::kCall ||
        tree.kind == tree::ExprKind::kMember) {
      found.names.push_back(&tree.name);
    }
    for (const tree::ExprPtr& arg : tree.args) expr(arg);
    if (tree.aggregate) aggregate(*tree.aggregate);
  }
  void exprs(const std::vector<tree::ExprPtr>& trees) {
    for (const tree::ExprPtr& tree : trees) expr(tree);
  }

  void aggregate(const tree::AggregateCall& call) {
    for (const tree::KindRef& ref : call.subjects) kind(ref);
    if (call.of) kinds(*call.of);
    if (call.over && !call.over->all) found.aggregates_of_rule = true;
    expr(call.argument);
    expr(call.where);
    for (const tree::AggregateParam& param : call.params) expr(param.expr);
    if (call.over) expr(call.over->where);
  }

  void pattern(const tree::Pattern& tree) {
    for (const tree::Element& element : tree.elements) {
      if (const auto* absence = std::get_if<tree::Absence>(&element.body)) {
        kinds(absence->kinds);
        expr(absence->where);
      } else {
        step(std::get<tree::Step>(element.body));
      }
    }
  }
  void step(const tree::Step& tree) {
    kinds(tree.kinds);
    expr(tree.where);
    if (tree.until) {
      kinds(tree.until->kinds);
      expr(tree.until->where);
    }
    for (const tree::Pattern& inner : tree.patterns) pattern(inner);
    for (const tree::Step& member : tree.members) step(member);
  }

  void key(const tree::KeyPart& part) {
    if (part.members.empty()) found.keys.push_back(&part.name);
    for (const tree::KeyMember& member : part.members) kind(member.kind);
  }
  void keys(const std::vector<tree::Name>& names) {
    for (const tree::Name& name : names) found.keys.push_back(&name);
  }
  void rule(const tree::Rule& tree) {
    if (tree.by) {
      for (const tree::KeyPart& part : tree.by->parts) key(part);
    }
    if (tree.when) {
      if (const auto* window = std::get_if<tree::EventWindow>(&tree.when->what)) {
        kinds(window->kinds);
        expr(window->where);
      } else {
        pattern(std::get<tree::Pattern>(tree.when->what));
      }
    }
    if (tree.considering) kinds(tree.considering->kinds);
    if (tree.without) {
      kinds(tree.without->kinds);
      expr(tree.without->where);
    }
    if (tree.having) expr(tree.having->expr);
    if (tree.severity) expr(tree.severity->expr);
    for (const tree::ExceptClause& except : tree.excepts) expr(except.where);
    if (tree.once) {
      expr(tree.once->condition);
      exprs(tree.once->for_each);
    }
    if (tree.at_most) exprs(tree.at_most->for_each);
    if (!tree.alert) return;
    for (const tree::MessagePart& part : tree.alert->parts) expr(part.expr);
    record(tree.alert->fields);
  }
  void record(const tree::Record& tree) {
    for (const tree::Record::Entry& entry : tree.entries) expr(entry.value);
  }

  References found;
};
}  // namespace

References references_of(const tree::Kind& kind) {
  Collector collector;
  for (const tree::Subset& subset : kind.subsets) {
    collector.kind(subset.kind);
    collector.expr(subset.where);
  }
  return std::move(collector.found);
}

References references_of(const tree::Key& key) {
  Collector collector;
  collector.key(key.part);
  return std::move(collector.found);
}

References references_of(const tree::Feature& feature) {
  Collector collector;
  collector.expr(feature.aggregate);
  collector.keys(feature.by);
  collector.expr(feature.window.where);
  return std::move(collector.found);
}

References references_of(const tree::Features& group) {
  Collector collector;
  collector.kinds(group.of);
  collector.keys(group.by);
  collector.expr(group.window.where);
  for (const tree::FeatureEntry& entry : group.entries) {
    collector.expr(entry.argument);
    collector.expr(entry.where);
  }
  return std::move(collector.found);
}

References references_of(const tree::Rule& rule) {
  Collector collector;
  collector.rule(rule);
  return std::move(collector.found);
}

References references_of(const tree::Event& event) {
  Collector collector;
  for (const tree::Field& field : event.fields) collector.expr(field.computed);
  return std::move(collector.found);
}

References references_of(const tree::List& list) {
  Collector collector;
  collector.exprs(list.values);
  return std::move(collector.found);
}

References references_of(const tree::Table& table) {
  Collector collector;
  for (const tree::Row& row : table.rows) {
    collector.exprs(row.keys);
    collector.record(row.values);
  }
  return std::move(collector.found);
}

References references_of(const tree::Defaults& defaults) {
  Collector collector;
  collector.record(defaults.values);
  return std::move(collector.found);
}

References references_of(const tree::Test& test) {
  Collector collector;
  for (const tree::TestLine& line : test.lines) collector.record(line.values);
  for (const tree::Expected& expected : test.expected) {
    if (expected.fields) collector.record(*expected.fields);
  }
  return std::move(collector.found);
}
}  // namespace tocsin::rules
