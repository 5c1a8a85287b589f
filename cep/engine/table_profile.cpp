// Where a table's time goes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/compile/pattern_program.h"
#include "cep/engine/table_state.h"
#include "cep/plan/pattern.h"

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

void add_steps(const RuleProgram& rule, const std::vector<std::uint64_t>& rows, EngineProfile& to) {
  const auto add_step = [&](const Element* element, const ElementProgram& take) {
    if (element != nullptr && element->is_step()) {
      to.steps.push_back({rule.index, element, rows[take.predicate]});
    }
  };
  if (rule.pattern == nullptr) {
    for (const StepProgram& step : rule.steps) add_step(step.take.element, step.take);
  } else {
    for (const PatternStep& step : rule.pattern->steps) add_step(step.element, step.take);
  }
}
}  // namespace

void TableState::begin_profile(const bool& is_timed) {
  measured_.emplace(Measured{is_timed, 0, std::vector<std::uint64_t>(table_.predicates.size())});
  lane_.begin_profile(is_timed);
  for (const auto& other : others_) other->lane.begin_profile(is_timed);
}

void TableState::end_profile() {
  measured_.reset();
  lane_.end_profile();
  for (const auto& other : others_) other->lane.end_profile();
}

// The rows of a slice once, although those of an alert may come to them.
void TableState::count_predicates(const Slice& slice) {
  if (!measured_->is_timed || measured_->counted_version == slice.first_version()) return;
  measured_->counted_version = slice.first_version();
  touches_.keys.count_predicates(slice, measured_->rows);
}

void TableState::add_profile(EngineProfile& out) const {
  if (!measured_) return;
  const std::uint64_t conditions = std::min(measured_->conditions_ns, out.matching_ns);
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
  for (const OperatorProgram& op : table_.operators) {
    if (op.kind == OperatorKind::kRule) add_steps(program_.rules[op.index], measured_->rows, out);
    if (op.kind != OperatorKind::kStrict) continue;
    for (const std::uint32_t rule : program_.strict_groups[op.index].rules) {
      add_steps(program_.rules[rule], measured_->rows, out);
    }
  }
}
}  // namespace tocsin::cep
