#include "cep/engine/plain_rows.h"

#include <bit>

namespace tocsin::cep {
PlainRows::PlainRows(const ProgramImpl& program, const TableProgram& table, RecordStore& store,
                     FeatureStore& features, EventCapture& capture, EngineStats& stats)
    : store_(store), features_(features), capture_(capture), stats_(stats) {
  const std::size_t bits = table.mask_operators.size();
  if (bits > 64 || table.sources.size() != 1) return;
  may_run_ = true;
  counters_.resize(bits);
  starts_.resize(bits);
  strict_rows_.resize(bits);
  bit_of_op_.resize(table.operators.size() + 1);
  for (std::uint8_t bit = 1; bit < bits; ++bit) bit_of_op_[table.mask_operators[bit]] = bit;
  for (std::uint32_t bit = 1; bit < bits; ++bit) {
    add(program, bit, table.operators[table.mask_operators[bit] - 1]);
  }
}

// As bits of a mask; nothing where one of them has none.
std::optional<std::uint64_t> PlainRows::bits_of(const CountGate& gate) const {
  std::uint64_t bits = 0;
  for (const CountGate::Operators& of_word : gate.operators) {
    for (std::uint64_t left = of_word.bits; left != 0; left &= left - 1) {
      const std::uint32_t bit = bit_of_op_[of_word.word * 64 + place_of(left)];
      if (bit == 0) return std::nullopt;
      bits |= std::uint64_t{1} << bit;
    }
  }
  return bits;
}

void PlainRows::add(const ProgramImpl& program, std::uint32_t bit, const OperatorProgram& op) {
  const std::uint64_t mask = std::uint64_t{1} << bit;
  if (op.kind == OperatorKind::kFeature) {
    const FeatureProgram& feature = program.features[op.index];
    if (!feature.in_ring || !feature.counts_rows() || feature.takes_last) return;
    const std::optional<std::uint64_t> gated = feature.gate ? bits_of(*feature.gate) : 0;
    if (!gated) return;
    counters_[bit] = {&feature, nullptr, *gated, 0};
    counting_ |= mask;
  } else if (op.kind == OperatorKind::kGroup) {
    const FeatureGroup& group = program.feature_groups[op.index];
    if (!group.counts_rows || program.features[group.features[0]].takes_last) return;
    const std::optional<std::uint64_t> gated = group.gate ? bits_of(*group.gate) : 0;
    if (!gated) return;
    counters_[bit] = {nullptr, &group, *gated, 0};
    counting_ |= mask;
  } else if (op.kind == OperatorKind::kStrict) {
    strict_rows_[bit] = StrictRows::of(program, program.strict_groups[op.index]);
    if (strict_rows_[bit]) strict_ |= mask;
  } else if (op.kind == OperatorKind::kRule) {
    const RuleProgram& rule = program.rules[op.index];
    if (rule.method != Method::kSingle && rule.method != Method::kRuns) return;
    starts_[bit] = {rule.steps[0].take.predicate, rule.op, rule.method == Method::kRuns};
    starting_ |= mask;
  }
}

// A gate takes out the rules for which the windows hold too little.
inline std::uint64_t PlainRows::count(Counter& counter, CurrentRow& row) {
  const bool is_open = counter.feature != nullptr
                           ? features_.take_row(*counter.feature, row, counter.list_place)
                           : features_.shared().take_row(*counter.group, row);
  return is_open ? 0 : counter.gated;
}

bool PlainRows::concerns(const Start& start, const CurrentRow& row) {
  if (row.satisfies(start.predicate)) return true;
  return start.keeps_state && row.record != nullptr &&
         RecordStore::find(row.record, start.op) != nullptr;
}

std::uint64_t PlainRows::run(std::uint64_t operators, CurrentRow& row) {
  const std::uint64_t counting = operators & counting_;
  std::uint64_t done = counting;
  for (std::uint64_t left = counting; left != 0; left &= left - 1) {
    operators &= ~count(counters_[place_of(left)], row);
  }
  for (std::uint64_t left = operators & starting_; left != 0; left &= left - 1) {
    if (!concerns(starts_[place_of(left)], row)) done |= left & -left;
  }
  for (std::uint64_t left = operators & strict_; left != 0; left &= left - 1) {
    if (strict_rows_[place_of(left)]->take(row, store_, capture_, stats_)) done |= left & -left;
  }
  stats_.operators_run += static_cast<std::uint64_t>(std::popcount(done));
  return operators & ~done;
}
}  // namespace tocsin::cep
