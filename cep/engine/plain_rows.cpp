#include "cep/engine/plain_rows.h"

#include <bit>

namespace tocsin::cep {
PlainRows::PlainRows(const ProgramImpl& program, const TableProgram& table, FeatureStore& features,
                     EventCapture& capture, EngineStats& stats)
    : features_(features), capture_(capture), stats_(stats) {
  if (!table.predicate_places.empty() || table.sources.size() != 1) return;
  may_run_ = true;
  const std::size_t operators = table.operators.size() + 1;
  counting_.resize((operators + 63) / 64);
  starting_ = strict_ = counting_;
  counters_.resize(operators);
  starts_.resize(operators);
  strict_rows_.resize(operators);
  for (std::uint32_t op = 1; op < operators; ++op) add(program, table, op);
}

void PlainRows::add(const ProgramImpl& program, const TableProgram& table, std::uint32_t op) {
  const OperatorProgram& of = table.operators[op - 1];
  const std::uint64_t bit = std::uint64_t{1} << (op % 64);
  if (of.kind == OperatorKind::kFeature) {
    const FeatureProgram& feature = program.features[of.index];
    if (!feature.in_ring || !feature.counts_rows() || feature.takes_last) return;
    counters_[op] = {&feature, nullptr, feature.gate ? &*feature.gate : nullptr};
    counting_[op / 64] |= bit;
  } else if (of.kind == OperatorKind::kGroup) {
    const FeatureGroup& group = program.feature_groups[of.index];
    if (!group.counts_rows || program.features[group.features[0]].takes_last) return;
    counters_[op] = {nullptr, &group, group.gate ? &*group.gate : nullptr};
    counting_[op / 64] |= bit;
  } else if (of.kind == OperatorKind::kStrict) {
    strict_rows_[op] = StrictRows::of(program, program.strict_groups[of.index]);
    if (strict_rows_[op]) strict_[op / 64] |= bit;
  } else if (of.kind == OperatorKind::kRule) {
    const RuleProgram& rule = program.rules[of.index];
    if (rule.method != Method::kSingle && rule.method != Method::kRuns) return;
    const std::uint32_t predicate = rule.steps[0].take.predicate;
    starts_[op] = {predicate / 64, std::uint64_t{1} << (predicate % 64),
                   rule.method == Method::kRuns};
    starting_[op / 64] |= bit;
  }
}

// A gate takes out the rules for which the windows hold too little.
void PlainRows::count(const Counter& counter, std::span<std::uint64_t> bits, CurrentRow& row) {
  if (counter.feature != nullptr) {
    features_.take_row(*counter.feature, row);
  } else {
    features_.shared().take_row(*counter.group, row);
  }
  const CountGate* const gate = counter.gate;
  if (gate == nullptr || features_.has_in_ring(*gate, row)) return;
  for (const CountGate::Operators& of_word : gate->operators) bits[of_word.word] &= ~of_word.bits;
}

bool PlainRows::concerns(std::uint32_t op, const CurrentRow& row) const {
  const Start& start = starts_[op];
  if ((row.predicates[start.word] & start.bit) != 0) return true;
  return start.keeps_state && row.record != nullptr && RecordStore::find(row.record, op) != nullptr;
}

void PlainRows::run(std::span<std::uint64_t> bits, CurrentRow& row) {
  for (std::uint32_t w = 0; w < bits.size(); ++w) {
    const std::uint64_t counting = bits[w] & counting_[w];
    bits[w] ^= counting;
    stats_.operators_run += static_cast<std::uint64_t>(std::popcount(counting));
    for (std::uint64_t left = counting; left != 0; left &= left - 1) {
      count(counters_[w * 64 + static_cast<std::uint32_t>(std::countr_zero(left))], bits, row);
    }
  }
  for (std::uint32_t w = 0; w < bits.size(); ++w) {
    for (std::uint64_t left = bits[w] & starting_[w]; left != 0; left &= left - 1) {
      const auto bit = static_cast<std::uint32_t>(std::countr_zero(left));
      if (concerns(w * 64 + bit, row)) continue;
      bits[w] &= ~(std::uint64_t{1} << bit);
      ++stats_.operators_run;
    }
    for (std::uint64_t left = bits[w] & strict_[w]; left != 0; left &= left - 1) {
      const auto bit = static_cast<std::uint32_t>(std::countr_zero(left));
      if (!strict_rows_[w * 64 + bit]->take(row, capture_, stats_)) continue;
      bits[w] &= ~(std::uint64_t{1} << bit);
      ++stats_.operators_run;
    }
  }
}
}  // namespace tocsin::cep
