#include "tests/support/plan_merge.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "cep/base/assert.h"
#include "cep/plan/feature.h"
#include "cep/plan/reference.h"
#include "cep/plan/zone.h"
#include "tests/support/plan_walk.h"

namespace tocsin::tests {
namespace {
std::size_t declared(const cep::Plan& plan) {
  return static_cast<std::size_t>(
      std::count_if(plan.event_types.begin(), plan.event_types.end(),
                    [](const cep::EventType& type) { return !type.is_alert(); }));
}

bool reads_any_alert(const cep::Plan& plan) {
  return std::any_of(plan.event_types.begin(), plan.event_types.end(),
                     [](const cep::EventType& type) { return !type.any_alert_of.empty(); });
}

// Moves all that a plan says by number behind what stands there already.
class Mover {
 public:
  Mover(cep::Plan& into, std::string prefix)
      : into_(into),
        prefix_(std::move(prefix)),
        shared_(declared(into)),
        types_(into.event_types.size() - shared_),
        rules_(into.rules.size()),
        features_(into.features.size()),
        lists_(into.lists.size()),
        tables_(into.tables.size()) {}

  void move(cep::Plan from) {
    for (std::size_t t = declared(from); t < from.event_types.size(); ++t) {
      cep::EventType& type = from.event_types[t];
      if (type.alert_of) {
        type.alert_of = moved(*type.alert_of);
        type.name = prefix_ + type.name;
      }
      for (cep::RuleIndex& rule : type.any_alert_of) rule = moved(rule);
      into_.event_types.push_back(std::move(type));
    }
    for (cep::List& list : from.lists) {
      list.name = prefix_ + list.name;
      into_.lists.push_back(std::move(list));
    }
    for (cep::Table& table : from.tables) {
      table.name = prefix_ + table.name;
      into_.tables.push_back(std::move(table));
    }
    for (cep::Zone& zone : from.zones) {
      const auto place = std::lower_bound(
          into_.zones.begin(), into_.zones.end(), zone.name,
          [](const cep::Zone& other, const std::string& name) { return other.name < name; });
      if (place == into_.zones.end() || place->name != zone.name) {
        into_.zones.insert(place, std::move(zone));
      }
    }
    for (cep::Feature& feature : from.features) {
      const bool unnamed = feature.name.starts_with('$');
      feature.name = unnamed ? "$" + prefix_ + feature.name.substr(1) : prefix_ + feature.name;
      move_subsets(feature.events);
      move_key(feature.key);
      feature.argument = rewritten(feature.argument, change_);
      feature.where = rewritten(feature.where, change_);
      rewrite(feature.window, change_);
      if (feature.unless_alerted_by) feature.unless_alerted_by = moved(*feature.unless_alerted_by);
      into_.features.push_back(std::move(feature));
    }
    for (cep::Rule& rule : from.rules) {
      move_rule(rule);
      into_.rules.push_back(std::move(rule));
    }
  }

 private:
  cep::EventTypeIndex moved(cep::EventTypeIndex type) const {
    return cep::EventTypeIndex(type.value < shared_ ? type.value : type.value + types_);
  }
  cep::RuleIndex moved(cep::RuleIndex rule) const { return cep::RuleIndex(rule.value + rules_); }

  void move_subsets(std::vector<cep::Subset>& subsets) {
    for (cep::Subset& subset : subsets) subset.type = moved(subset.type);
    rewrite_kinds_(subsets);
  }
  void move_key(cep::KeySpec& key) const {
    for (cep::KeyPart& part : key.parts) {
      for (cep::KeyMember& member : part.members) member.type = moved(member.type);
    }
  }
  void move_rule(cep::Rule& rule) {
    rule.name = prefix_ + rule.name;
    rule.id = prefix_ + rule.id;
    rewrite(rule, change_);
    walk_subsets(rule, [&](std::vector<cep::Subset>& subsets) { move_subsets(subsets); });
    move_key(rule.key);
    for (cep::Captured& captured : rule.captured) captured.type = moved(captured.type);
  }

  cep::Plan& into_;
  std::string prefix_;
  std::size_t shared_, types_, rules_, features_, lists_, tables_;
  ExprChange change_ = [this](cep::Expr& expr) {
    if (cep::FieldRef* field = field_of(expr)) {
      for (auto& [type, index] : field->by_type) type = moved(type);
    }
    if (auto* test = std::get_if<cep::KindTest>(&expr.payload)) {
      for (cep::EventTypeIndex& type : test->types) type = moved(type);
    }
    if (auto* read = std::get_if<cep::FeatureRead>(&expr.payload)) {
      read->feature = cep::FeatureIndex(read->feature.value + features_);
    }
    if (auto* lookup = std::get_if<cep::ListLookup>(&expr.payload)) {
      lookup->list = cep::ListIndex(lookup->list.value + lists_);
    }
    if (auto* read = std::get_if<cep::ColumnRead>(&expr.payload)) {
      read->table = cep::TableIndex(read->table.value + tables_);
    }
  };
  KindRewrite rewrite_kinds_{change_};
};
}  // namespace

std::optional<cep::Plan> merged(const cep::Plan& plan, const cep::Plan& other,
                                const std::string& prefix, bool first) {
  TOCSIN_ASSERT(declared(plan) == declared(other), "both declare the same event types");
  if (reads_any_alert(plan) && reads_any_alert(other)) return std::nullopt;
  cep::Plan out;
  out.event_types.assign(plan.event_types.begin(),
                         plan.event_types.begin() + static_cast<std::ptrdiff_t>(declared(plan)));
  if (first) Mover(out, prefix).move(other);
  Mover(out, "").move(plan);
  if (!first) Mover(out, prefix).move(other);
  return out;
}
}  // namespace tocsin::tests
