// Features that share a ring of each key's events, and those of them that take the same events.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "cep/compile/compiler.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"

namespace tocsin::cep {
namespace {
// Where features may share a ring: one table, one pass, and the kinds of events.
using RingPlace = std::tuple<std::uint32_t, std::uint32_t, std::vector<EventTypeIndex>>;

RingPlace ring_place_of(const FeatureProgram& feature) {
  std::vector<EventTypeIndex> types;
  for (const Subset& subset : feature.feature->events) types.push_back(subset.type);
  std::sort(types.begin(), types.end());
  types.erase(std::unique(types.begin(), types.end()), types.end());
  return {feature.table, feature.take_pass, std::move(types)};
}

std::string argument_of(const Plan& plan, const FeatureProgram& feature) {
  return feature.feature->argument ? describe(plan, *feature.feature->argument) : std::string();
}

// Which events it takes, of those that it is asked about.
std::string meaning_of(const Plan& plan, const FeatureProgram& feature) {
  std::string meaning =
      fmt::format("{} {} {} {}", feature.predicate, feature.takes_last, feature.unless.has_value(),
                  feature.unless ? feature.unless->value : 0);
  for (const Expr* condition : feature.where) meaning += '\n' + describe(plan, *condition);
  return meaning + '\n' + argument_of(plan, feature);
}
}  // namespace

// A ring has one column of values. Counts join the first ring over their kinds of events, whatever
// its argument. A feature that would be alone keeps a window of its own, which is smaller; so does
// one whose argument may have several values at a row, by what has taken the row before.
void Compiler::make_feature_groups() {
  std::map<RingPlace, std::map<std::string, std::vector<std::uint32_t>>> places;
  for (const FeatureProgram& feature : out_->features) {
    if (!feature.in_ring) continue;
    if (feature.feature->argument && reads_key_state(*feature.feature->argument)) continue;
    places[ring_place_of(feature)][argument_of(plan_, feature)].push_back(feature.index.value);
  }
  std::vector<std::uint32_t> rings_of_table(out_->tables.size());
  for (auto& [place, by_argument] : places) {
    const auto counts = by_argument.find(std::string());
    if (counts != by_argument.end() && by_argument.size() > 1) {
      const std::vector<std::uint32_t> joining = std::move(counts->second);
      by_argument.erase(counts);
      std::vector<std::uint32_t>& first = by_argument.begin()->second;
      first.insert(first.end(), joining.begin(), joining.end());
      std::sort(first.begin(), first.end());
    }
    for (const auto& [argument, features] : by_argument) {
      if (features.size() < 2) continue;
      const auto ring = static_cast<std::uint32_t>(out_->shared_rings.size());
      const std::uint32_t table = std::get<0>(place);
      out_->shared_rings.push_back({table, 0, std::get<1>(place), rings_of_table[table]++});
      std::map<std::string, std::uint32_t> groups;
      for (const std::uint32_t index : features) {
        FeatureProgram& feature = out_->features[index];
        const auto next = static_cast<std::uint32_t>(out_->feature_groups.size());
        const auto [group, is_new] = groups.try_emplace(meaning_of(plan_, feature), next);
        if (is_new) {
          const bool has_sums = feature.feature->argument != nullptr;
          out_->feature_groups.push_back({feature.table, 0, ring, has_sums, {}});
        }
        std::vector<std::uint32_t>& members = out_->feature_groups[group->second].features;
        feature.is_shared = true;
        feature.group = group->second;
        feature.place = static_cast<std::uint32_t>(members.size());
        members.push_back(index);
      }
    }
  }
}
}  // namespace tocsin::cep
