// Where a table's time goes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/engine/table_state.h"

namespace tocsin::cep {
namespace {
using Parts = std::vector<EngineProfile::Part>;

void add(const OperatorProfile::Cost& cost, std::uint64_t among, EngineProfile::Part& to) {
  to.asked += cost.runs;
  to.ns += cost.ns() / among;
}

void add(const OperatorProfile::Cost& cost, const std::vector<std::uint32_t>& places, Parts& to) {
  for (const std::uint32_t place : places) add(cost, places.size(), to[place]);
}

void add(const ProgramImpl& program, const OperatorProgram& op, const OperatorProfile::Cost& cost,
         EngineProfile& to) {
  switch (op.kind) {
    case OperatorKind::kFeature:
      add(cost, 1, to.features[op.index]);
      break;
    case OperatorKind::kGroup:
      add(cost, program.feature_groups[op.index].features, to.features);
      break;
    case OperatorKind::kRing:
      break;
    case OperatorKind::kProbe:
      // It reads what other events were taken for.
      to.features[program.probes[op.index].feature.value].ns += cost.ns();
      break;
    case OperatorKind::kRule:
      add(cost, 1, to.rules[op.index]);
      break;
    case OperatorKind::kStrict:
      add(cost, program.strict_groups[op.index].rules, to.rules);
      break;
  }
}
}  // namespace

void TableState::begin_profile(const bool& is_timed) {
  conditions_ns_ = 0;
  lane_.begin_profile(is_timed);
  for (const auto& other : others_) other->lane.begin_profile(is_timed);
}

void TableState::add_profile(EngineProfile& out) const {
  const std::uint64_t conditions = std::min(conditions_ns_.value_or(0), out.matching_ns);
  out.matching_ns -= conditions;
  out.conditions_ns += conditions;
  const auto add_lane = [&](const TableLane& lane) {
    if (lane.profile() == nullptr) return;
    const std::vector<OperatorProfile::Cost>& costs = lane.profile()->costs();
    for (std::size_t i = 0; i < costs.size(); ++i) {
      add(program_, table_.operators[i], costs[i], out);
    }
  };
  add_lane(lane_);
  for (const auto& other : others_) add_lane(other->lane);
}
}  // namespace tocsin::cep
