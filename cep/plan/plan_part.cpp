#include "cep/plan/plan_part.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/reference.h"
#include "cep/plan/renumber.h"
#include "cep/plan/rule.h"
#include "cep/plan/zone.h"

namespace tocsin::cep {
namespace {
// What a part has, in the order of the whole plan.
struct Members {
  std::set<RuleIndex> rules;
  std::set<FeatureIndex> features;
  std::set<EventTypeIndex> event_types;
  std::set<ListIndex> lists;
  std::set<TableIndex> tables;
  std::set<std::string> zones;
  bool has_all_zones = false;  // one is named by a field
};

// Finds the members that a rule leads to.
class MemberSearch {
 public:
  MemberSearch(const Plan& whole, const OperatorGraph& graph) : whole_(whole), graph_(graph) {
    // An event of a test is of any of them. Behind the last one are alerts.
    std::size_t end = whole.event_types.size();
    while (end > 0 && whole.event_types[end - 1].is_alert()) --end;
    for (std::size_t type = 0; type < end; ++type) add_type(EventTypeIndex(type));
  }

  Members from(RuleIndex rule) {
    add({true, rule.value});
    while (!open_.empty()) {
      const OperatorRef op = open_.back();
      open_.pop_back();
      for (const OperatorInput& input : graph_.inputs(op)) add(input.from);
      if (op.is_rule) {
        read(whole_.rules[op.index]);
      } else {
        read(whole_.features[op.index]);
      }
    }
    return std::move(members_);
  }

 private:
  void add(OperatorRef op) {
    const bool is_new = op.is_rule ? members_.rules.insert(RuleIndex(op.index)).second
                                   : members_.features.insert(FeatureIndex(op.index)).second;
    if (is_new) open_.push_back(op);
  }

  void add_type(EventTypeIndex index) {
    if (!members_.event_types.insert(index).second) return;
    const EventType& type = whole_.event_types[index.value];
    if (type.alert_of) add({true, type.alert_of->value});
    for (const RuleIndex raiser : type.any_alert_of) add({true, raiser.value});
    for (const Field& field : type.fields) read(field.computed);
  }

  void read_zone(const Expr& zone) {
    if (zone.op != Op::kLiteral) {
      members_.has_all_zones = true;
    } else if (!literal_of(zone).is_missing()) {
      members_.zones.emplace(literal_of(zone).text);
    }
  }

  void read(const ExprPtr& root) {
    if (!root) return;
    for_each_expr(*root, [&](const Expr& expr) {
      if (const FieldRef* const field = field_of(expr)) {
        for (const auto& [type, index] : field->by_type) add_type(type);
      }
      if (const auto* const test = std::get_if<KindTest>(&expr.payload)) {
        for (const EventTypeIndex type : test->types) add_type(type);
      }
      if (const auto* const lookup = std::get_if<ListLookup>(&expr.payload)) {
        members_.lists.insert(lookup->list);
      }
      if (const auto* const column = std::get_if<ColumnRead>(&expr.payload)) {
        members_.tables.insert(column->table);
      }
      const std::optional<Function> function = function_of(expr);
      const bool has_zone = function == Function::kHour || function == Function::kWeekday ||
                            function == Function::kDate;
      if (has_zone && expr.args.size() > 1 && expr.args[1]) read_zone(*expr.args[1]);
    });
  }

  void read(const std::vector<Subset>& kinds) {
    for (const Subset& subset : kinds) {
      add_type(subset.type);
      read(subset.condition);
    }
  }

  void read(const KeySpec& key) {
    for (const KeyPart& part : key.parts) {
      for (const KeyMember& member : part.members) add_type(member.type);
    }
  }

  void read(const Feature& feature) {
    Feature copy = feature;
    for_each_place(copy, [&](const ExprPtr& expr) { read(expr); });
    read(feature.events);
    read(feature.key);
    if (feature.window.zone()) read_zone(*feature.window.zone());
  }

  void read(const Rule& rule) {
    Rule copy = rule;
    for_each_place(copy, [&](const ExprPtr& expr) { read(expr); });
    for_each_kinds(copy, [&](const std::vector<Subset>& kinds) { read(kinds); });
    read(rule.key);
    for (const Captured& captured : rule.captured) add_type(captured.type);
    if (rule.suppression.zone()) read_zone(*rule.suppression.zone());
    const CalendarSpan* const calendar = rule.window ? rule.window->calendar() : nullptr;
    if (calendar != nullptr) members_.zones.insert(calendar->zone);
  }

  const Plan& whole_;
  const OperatorGraph& graph_;
  Members members_;
  std::vector<OperatorRef> open_;
};

// Copies what has an index in `kept`, and notes its new number.
template <typename Index, typename Part>
void copy(const std::set<Index>& kept, const std::vector<Part>& from, std::vector<Part>& into,
          std::map<Index, Index>& numbers) {
  for (const Index index : kept) {
    numbers.emplace(index, Index(into.size()));
    into.push_back(from[index.value]);
  }
}
}  // namespace

PlanPart PlanParts::of(RuleIndex rule) const {
  const Members members = MemberSearch(whole_, graph_).from(rule);
  PlanPart part;
  PlanNumbers numbers;
  copy(members.event_types, whole_.event_types, part.plan.event_types, numbers.event_types);
  copy(members.lists, whole_.lists, part.plan.lists, numbers.lists);
  copy(members.tables, whole_.tables, part.plan.tables, numbers.tables);
  copy(members.features, whole_.features, part.plan.features, numbers.features);
  copy(members.rules, whole_.rules, part.plan.rules, numbers.rules);
  for (const Zone& zone : whole_.zones) {
    if (members.has_all_zones || members.zones.contains(zone.name)) {
      part.plan.zones.push_back(zone);
    }
  }
  part.rule = numbers.rules.at(rule);
  Renumbering renumbering(std::move(numbers));
  for (EventType& type : part.plan.event_types) renumbering.apply(type);
  for (Feature& feature : part.plan.features) renumbering.apply(feature);
  for (Rule& kept : part.plan.rules) renumbering.apply(kept);
  return part;
}
}  // namespace tocsin::cep
