#include "rules/expression/check_order.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "rules/context/references.h"
#include "rules/context/report.h"

namespace tocsin::rules {
namespace {
struct Edge {
  std::size_t to = 0;
  bool sure = true;  // not a name that may be a field as well
};
struct Node {
  CheckOrder::Step what;
  std::vector<Edge> needs;
  bool says_any_alert = false;
  bool needs_rule = false;
  bool needs_any_alert = false;  // says it, or needs something that does
  std::uint8_t state = 0;        // 1: on the path, 2: done
  std::size_t next = 0;          // of `needs`
};

class Graph {
 public:
  Graph(CheckContext& context, const std::vector<const tree::Kind*>& kinds,
        const std::vector<const tree::Feature*>& features,
        const std::vector<const tree::Features*>& groups,
        const std::vector<const tree::Rule*>& rules)
      : context_(context) {
    for (const tree::Kind* kind : kinds) {
      kinds_.emplace(kind->name.text, nodes_.size());
      add({.kind = kind});
    }
    for (const tree::Feature* feature : features) {
      features_.emplace(feature->name.text, nodes_.size());
      add({.feature = feature});
    }
    for (const tree::Features* group : groups) {
      for (const tree::FeatureEntry& entry : group->entries) {
        features_.emplace(entry.name.text, nodes_.size());
      }
      add({.group = group});
    }
    for (const tree::Rule* rule : rules) {
      rules_.emplace(rule->name.text, nodes_.size());
      add({.rule = rule});
    }
    for (const EventSymbol& event : context.names.events) {
      for (const auto& [name, field] : event.fields) field_names_.insert(name);
    }
    for (Node& node : nodes_) connect(node);
  }

  CheckOrder order() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].state == 0) visit(i);
    }
    CheckOrder order;
    for (const Node& node : nodes_) {
      if (node.needs_rule || node.what.rule != nullptr) continue;
      if (node.what.kind != nullptr) order.kinds.push_back(node.what.kind);
      if (node.what.feature != nullptr) order.features.push_back(node.what.feature);
      if (node.what.group != nullptr) order.groups.push_back(node.what.group);
    }
    for (const std::size_t index : done_) {
      const Node& node = nodes_[index];
      if (node.needs_rule || node.what.rule != nullptr) order.steps.push_back(node.what);
    }
    find_read(order);
    return order;
  }

 private:
  void add(CheckOrder::Step what) {
    Node node;
    node.what = what;
    nodes_.push_back(std::move(node));
  }

  static References references_of_node(const Node& node) {
    if (node.what.kind != nullptr) return references_of(*node.what.kind);
    if (node.what.feature != nullptr) return references_of(*node.what.feature);
    if (node.what.group != nullptr) return references_of(*node.what.group);
    return references_of(*node.what.rule);
  }

  void connect(Node& node) {
    const References references = references_of_node(node);
    for (const tree::KindRef* ref : references.kinds) {
      if (ref->form == tree::KindForm::kAnyAlert) {
        node.says_any_alert = true;
        node.needs_any_alert = true;
        continue;
      }
      const auto& names = ref->form == tree::KindForm::kAlert ? rules_ : kinds_;
      // A name that could not be read is empty.
      const auto found = ref->name.text.empty() ? names.end() : names.find(ref->name.text);
      if (found != names.end()) node.needs.push_back({.to = found->second});
    }
    for (const tree::Name* name : references.names) {
      const auto found = features_.find(name->text);
      if (found == features_.end()) continue;
      node.needs.push_back({.to = found->second, .sure = !field_names_.contains(name->text)});
    }
  }

  // Depth first with a path of its own, so that a long chain needs no deep recursion.
  void visit(std::size_t first) {
    std::vector<std::size_t> path = {first};
    nodes_[first].state = 1;
    while (!path.empty()) {
      Node& node = nodes_[path.back()];
      if (node.next < node.needs.size()) {
        const Edge edge = node.needs[node.next++];
        Node& needed = nodes_[edge.to];
        if (needed.state == 1) {
          look_at_circle(path, edge);
        } else if (needed.state == 0) {
          needed.state = 1;
          path.push_back(edge.to);
        } else {
          take_over(node, needed);
        }
        continue;
      }
      node.state = 2;
      done_.push_back(path.back());
      path.pop_back();
      if (!path.empty()) take_over(nodes_[path.back()], node);
    }
  }
  static void take_over(Node& node, const Node& needed) {
    node.needs_rule = node.needs_rule || needed.needs_rule || needed.what.rule != nullptr;
    node.needs_any_alert = node.needs_any_alert || needed.needs_any_alert;
  }

  void look_at_circle(const std::vector<std::size_t>& path, const Edge& closing) {
    const auto begin = std::ranges::find(path, closing.to);
    bool has_rule = false;
    bool sure = closing.sure;
    for (auto index = begin; index != path.end(); ++index) {
      const Node& node = nodes_[*index];
      has_rule = has_rule || node.what.rule != nullptr;
      // The edge taken last leads to the next on the path.
      if (index + 1 != path.end()) sure = sure && node.needs[node.next - 1].sure;
    }
    // Kinds of kinds, and features of features, are told where they are resolved.
    if (!has_rule || !sure) return;
    std::string way;
    for (auto index = begin; index != path.end(); ++index) {
      way += text_of(nodes_[*index]) + " -> ";
      if (const tree::Rule* rule = nodes_[*index].what.rule) {
        context_.names.rules_in_circles.insert(rule->name.text);
      }
      if (const tree::Kind* kind = nodes_[*index].what.kind) {
        const auto symbol = context_.names.kinds.find(kind->name.text);
        if (symbol != context_.names.kinds.end()) symbol->second.broken = true;
      }
    }
    // A rule is what the author of a circle can change: one of them is where it is told.
    const auto rule = std::ranges::find_if(
        begin, path.end(), [&](std::size_t index) { return nodes_[index].what.rule != nullptr; });
    const tree::Name& name = nodes_[*rule].what.rule->name;
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0430, name.span, fmt::format("the rule {} feeds itself", in_code(name.text)),
        "its alerts come back to it");
    diagnostic.notes.push_back(way + text_of(nodes_[closing.to]));
    diagnostic.helps.push_back("let one of them read events instead of alerts");
    context_.sink.report(std::move(diagnostic));
  }

  static std::string text_of(const Node& node) {
    if (node.what.kind != nullptr) return "kind " + node.what.kind->name.text;
    if (node.what.feature != nullptr) return "feature " + node.what.feature->name.text;
    if (node.what.rule != nullptr) return "rule " + node.what.rule->name.text;
    return node.what.group->entries.empty()
               ? std::string("features")
               : "feature " + node.what.group->entries.front().name.text;
  }

  static bool is_draft(const tree::Rule& rule) {
    return rule.status && rule.status->status == tree::StatusWord::kDraft;
  }

  // A name that stands twice means its first.
  bool is_own(const tree::Rule& rule) const {
    const auto found = rules_.find(rule.name.text);
    return !rule.name.text.empty() && found != rules_.end() &&
           nodes_[found->second].what.rule == &rule;
  }

  void find_read(CheckOrder& order) const {
    std::unordered_set<std::size_t> read;
    std::unordered_set<std::size_t> read_by_drafts;
    for (const Node& node : nodes_) {
      const bool by_draft = node.what.rule != nullptr && is_draft(*node.what.rule);
      order.any_alert = order.any_alert || node.says_any_alert;
      for (const Edge& edge : node.needs) {
        const tree::Rule* needed = nodes_[edge.to].what.rule;
        if (needed == nullptr) continue;
        (by_draft || is_draft(*needed) ? read_by_drafts : read).insert(edge.to);
      }
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const tree::Rule* rule = nodes_[i].what.rule;
      if (rule == nullptr) continue;
      if (read.contains(i)) {
        order.read.push_back(rule);
      } else if (read_by_drafts.contains(i)) {
        order.read_by_drafts.push_back(rule);
      }
      const bool shown = !rule->status || rule->status->status == tree::StatusWord::kLive ||
                         rule->status->status == tree::StatusWord::kInternal;
      if (shown && !nodes_[i].needs_any_alert && is_own(*rule)) order.any_alert_of.push_back(rule);
    }
  }

  CheckContext& context_;
  std::vector<Node> nodes_;
  std::unordered_map<std::string_view, std::size_t> kinds_;
  std::unordered_map<std::string_view, std::size_t> features_;
  std::unordered_map<std::string_view, std::size_t> rules_;
  std::unordered_set<std::string_view> field_names_;
  std::vector<std::size_t> done_;
};
}  // namespace

CheckOrder find_check_order(CheckContext& context, const std::vector<const tree::Kind*>& kinds,
                            const std::vector<const tree::Feature*>& features,
                            const std::vector<const tree::Features*>& groups,
                            const std::vector<const tree::Rule*>& rules) {
  return Graph(context, kinds, features, groups, rules).order();
}
}  // namespace tocsin::rules
