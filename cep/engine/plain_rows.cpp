#include "cep/engine/plain_rows.h"

#include <bit>

namespace tocsin::cep {
PlainRows::PlainRows(const ProgramImpl& program, const TableProgram& table, RecordStore& store,
                     FeatureStore& features, EventCapture& capture, EngineStats& stats)
    : store_(store), features_(features), capture_(capture), stats_(stats) {
  const std::size_t operators = table.operators.size() + 1;
  if (operators > 64 || !table.predicate_places.empty() || table.sources.size() != 1) return;
  may_run_ = true;
  counters_.resize(operators);
  starts_.resize(operators);
  strict_rows_.resize(operators);
  for (std::uint32_t op = 1; op < operators; ++op) add(program, table, op);
}

void PlainRows::add(const ProgramImpl& program, const TableProgram& table, std::uint32_t op) {
  const OperatorProgram& of = table.operators[op - 1];
  const std::uint64_t bit = std::uint64_t{1} << op;
  const auto gated = [](const std::optional<CountGate>& gate) {
    return gate ? gate->operators[0].bits : 0;
  };
  if (of.kind == OperatorKind::kFeature) {
    const FeatureProgram& feature = program.features[of.index];
    if (!feature.in_ring || !feature.counts_rows() || feature.takes_last) return;
    counters_[op] = {&feature, nullptr, gated(feature.gate), 0};
    counting_ |= bit;
  } else if (of.kind == OperatorKind::kGroup) {
    const FeatureGroup& group = program.feature_groups[of.index];
    if (!group.counts_rows || program.features[group.features[0]].takes_last) return;
    counters_[op] = {nullptr, &group, gated(group.gate), 0};
    counting_ |= bit;
  } else if (of.kind == OperatorKind::kStrict) {
    strict_rows_[op] = StrictRows::of(program, program.strict_groups[of.index]);
    if (strict_rows_[op]) strict_ |= bit;
  } else if (of.kind == OperatorKind::kRule) {
    const RuleProgram& rule = program.rules[of.index];
    if (rule.method != Method::kSingle && rule.method != Method::kRuns) return;
    const std::uint32_t predicate = rule.steps[0].take.predicate;
    starts_[op] = {predicate / 64, std::uint64_t{1} << (predicate % 64),
                   rule.method == Method::kRuns};
    starting_ |= bit;
  }
}

// A gate takes out the rules for which the windows hold too little.
inline std::uint64_t PlainRows::count(Counter& counter, CurrentRow& row) {
  const bool is_open = counter.feature != nullptr
                           ? features_.take_row(*counter.feature, row, counter.list_place)
                           : features_.shared().take_row(*counter.group, row);
  return is_open ? 0 : counter.gated;
}

bool PlainRows::concerns(std::uint32_t op, const CurrentRow& row) const {
  const Start& start = starts_[op];
  if ((row.predicates[start.word] & start.bit) != 0) return true;
  return start.keeps_state && row.record != nullptr && RecordStore::find(row.record, op) != nullptr;
}

std::uint64_t PlainRows::run(std::uint64_t operators, CurrentRow& row) {
  const std::uint64_t counting = operators & counting_;
  std::uint64_t done = counting;
  for (std::uint64_t left = counting; left != 0; left &= left - 1) {
    operators &= ~count(counters_[place_of(left)], row);
  }
  for (std::uint64_t left = operators & starting_; left != 0; left &= left - 1) {
    if (!concerns(place_of(left), row)) done |= left & -left;
  }
  for (std::uint64_t left = operators & strict_; left != 0; left &= left - 1) {
    if (strict_rows_[place_of(left)]->take(row, store_, capture_, stats_)) done |= left & -left;
  }
  stats_.operators_run += static_cast<std::uint64_t>(std::popcount(done));
  return operators & ~done;
}
}  // namespace tocsin::cep
