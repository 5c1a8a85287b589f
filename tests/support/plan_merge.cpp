#include "tests/support/plan_merge.h"

#include <algorithm>
#include <map>
#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/feature.h"
#include "cep/plan/reference.h"
#include "cep/plan/renumber.h"
#include "cep/plan/rule.h"
#include "cep/plan/zone.h"

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

// Numbers from `first` on, with those before `fixed` as they are.
template <typename Index>
std::map<Index, Index> shifted(std::size_t count, std::size_t first, std::size_t fixed = 0) {
  std::map<Index, Index> numbers;
  for (std::size_t i = 0; i < count; ++i) {
    numbers.emplace(Index(i), Index(i < fixed ? i : i - fixed + first));
  }
  return numbers;
}

// Puts all of a plan behind what stands in another one already, whose event types it shares.
void move(cep::Plan from, const std::string& prefix, cep::Plan& into) {
  const std::size_t shared = declared(into);
  cep::PlanNumbers numbers;
  numbers.event_types =
      shifted<cep::EventTypeIndex>(from.event_types.size(), into.event_types.size(), shared);
  numbers.lists = shifted<cep::ListIndex>(from.lists.size(), into.lists.size());
  numbers.tables = shifted<cep::TableIndex>(from.tables.size(), into.tables.size());
  numbers.features = shifted<cep::FeatureIndex>(from.features.size(), into.features.size());
  numbers.rules = shifted<cep::RuleIndex>(from.rules.size(), into.rules.size());
  cep::Renumbering renumbering(std::move(numbers));
  for (std::size_t t = shared; t < from.event_types.size(); ++t) {
    cep::EventType& type = from.event_types[t];
    if (type.alert_of) type.name = prefix + type.name;
    renumbering.apply(type);
    into.event_types.push_back(std::move(type));
  }
  for (cep::List& list : from.lists) {
    list.name = prefix + list.name;
    into.lists.push_back(std::move(list));
  }
  for (cep::Table& table : from.tables) {
    table.name = prefix + table.name;
    into.tables.push_back(std::move(table));
  }
  for (cep::Zone& zone : from.zones) {
    const auto place = std::lower_bound(
        into.zones.begin(), into.zones.end(), zone.name,
        [](const cep::Zone& other, const std::string& name) { return other.name < name; });
    if (place == into.zones.end() || place->name != zone.name) {
      into.zones.insert(place, std::move(zone));
    }
  }
  for (cep::Feature& feature : from.features) {
    const bool unnamed = feature.name.starts_with('$');
    feature.name = unnamed ? "$" + prefix + feature.name.substr(1) : prefix + feature.name;
    renumbering.apply(feature);
    into.features.push_back(std::move(feature));
  }
  for (cep::Rule& rule : from.rules) {
    rule.name = prefix + rule.name;
    rule.id = prefix + rule.id;
    renumbering.apply(rule);
    into.rules.push_back(std::move(rule));
  }
}
}  // namespace

std::optional<cep::Plan> merged(const cep::Plan& plan, const cep::Plan& other,
                                const std::string& prefix, bool first) {
  TOCSIN_ASSERT(declared(plan) == declared(other), "both declare the same event types");
  if (reads_any_alert(plan) && reads_any_alert(other)) return std::nullopt;
  cep::Plan out;
  out.event_types.assign(plan.event_types.begin(),
                         plan.event_types.begin() + static_cast<std::ptrdiff_t>(declared(plan)));
  if (first) move(other, prefix, out);
  move(plan, "", out);
  if (!first) move(other, prefix, out);
  return out;
}
}  // namespace tocsin::tests
