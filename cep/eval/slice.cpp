#include "cep/eval/slice.h"

#include <algorithm>
#include <atomic>
#include <numeric>

#include "cep/plan/event_type.h"

namespace tocsin::cep {
Slice::Slice(const ProgramImpl& program, Workers* workers)
    : program_(program),
      workers_(workers),
      atoms_(workers),
      hits_(program),
      rows_of_type_(program.plan->event_types.size()),
      row_bits_(program.plan->event_types.size()),
      values_(program.value_count),
      alerted_(program.rules.size()),
      merged_(*program.plan),
      alert_rows_(program) {
  for (const ProbeProgram& probe : program.probes) {
    const FeatureProgram& feature = program.features[probe.feature.value];
    columns_.emplace_back(probe.value.value, program.tables[feature.table].role_places);
  }
  for (const RuleProgram& rule : program.rules) {
    if (rule.is_watched) watched_.push_back(rule.index);
  }
  std::sort(columns_.begin(), columns_.end());
  columns_.erase(std::unique(columns_.begin(), columns_.end()), columns_.end());
}

void Slice::begin(const Batch& batch, std::uint64_t& values_missing) {
  batch_ = &batch;
  given_ = &batch;
  first_version_ = ++version_;
  numbers_.clear();
  alert_rows_.clear();
  count_rows();
  atoms_.evaluate(program_, batch, rows_of_type_, values_missing);
  hits_.find(atoms_, batch, rows_of_type_, false);
  for (const auto& [value, places] : columns_) values_[value].clear();
  for (const RuleIndex rule : watched_) alerted_[rule.value].clear();
  size_values();
  relevant_.assign(batch.rows.size(), 0);
}

// How many entries each type of the given batch has, and which rows are of it.
void Slice::count_rows() {
  const std::vector<Row>& rows = batch_->rows;
  const auto count = static_cast<std::uint32_t>(rows.size());
  const std::size_t types = rows_of_type_.size();
  const std::uint32_t parts = parts_of(workers_, count, 1);
  rows_of_part_.assign(types * parts, 0);
  // Parts do not know yet which types have rows.
  if (parts > 1) {
    for (auto& bits : row_bits_) bits.assign((count + 63) / 64, 0);
  }
  run_parts(workers_, parts, [&](std::uint32_t part, std::uint32_t /*worker*/) {
    const PartRange range = part_range(count, part, parts, 64);
    std::uint32_t* const of_type = rows_of_part_.data() + types * part;
    for (std::uint32_t i = range.begin; i < range.end; ++i) {
      std::uint32_t& entries = of_type[rows[i].type.value];
      entries = std::max(entries, rows[i].index + 1);
      if (parts > 1) row_bits_[rows[i].type.value][i / 64] |= std::uint64_t{1} << (i % 64);
    }
  });
  std::fill(rows_of_type_.begin(), rows_of_type_.end(), 0);
  for (std::size_t i = 0; i < rows_of_part_.size(); ++i) {
    std::uint32_t& entries = rows_of_type_[i % types];
    entries = std::max(entries, rows_of_part_[i]);
  }
  if (parts == 1) note_rows();
}

void Slice::note_rows() {
  const std::vector<Row>& rows = batch_->rows;
  for (std::size_t t = 0; t < row_bits_.size(); ++t) {
    if (rows_of_type_[t] > 0) row_bits_[t].assign((rows.size() + 63) / 64, 0);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    row_bits_[rows[i].type.value][i / 64] |= std::uint64_t{1} << (i % 64);
  }
}

void Slice::size_values() {
  const std::size_t numbers = given_->rows.size() + alert_rows_.rows().size();
  for (const auto& [value, places] : columns_) {
    values_[value].resize(numbers * places);
  }
  for (const RuleIndex rule : watched_) alerted_[rule.value].resize(numbers);
}

void Slice::add_alerts(std::span<const Alert> alerts, std::uint64_t& values_missing) {
  const bool is_first = alert_rows_.rows().empty();
  if (!alert_rows_.add(alerts, merged_, values_missing)) return;
  if (is_first) {
    // Rows of the given batch keep their columns; the texts stay where they are.
    for (std::size_t t = 0; t < rows_of_type_.size(); ++t) {
      if (rows_of_type_[t] > 0) merged_.types[t] = given_->types[t];
    }
    merged_.fields_of = given_->fields_of;
    merged_.has_identities = given_->has_identities;
  }
  for (const AlertRows::Entry& entry : alert_rows_.rows()) {
    std::uint32_t& rows = rows_of_type_[entry.row.type.value];
    rows = std::max(rows, entry.row.index + 1);
  }
  merge_rows();
  batch_ = &merged_;
  ++version_;
  note_rows();
  atoms_.evaluate_alerts(program_, merged_, rows_of_type_, values_missing);
  hits_.find(atoms_, merged_, rows_of_type_, true);
  size_values();
}

void Slice::merge_rows() {
  merged_.rows.clear();
  numbers_.clear();
  const std::vector<Row>& given = given_->rows;
  std::uint32_t next = 0;
  const auto take_given = [&] {
    merged_.rows.push_back(given[next]);
    numbers_.push_back(next++);
  };
  for (const AlertRows::Entry& entry : alert_rows_.rows()) {
    while (next < given.size() && (given[next].engine_time != entry.row.engine_time
                                       ? given[next].engine_time < entry.row.engine_time
                                       : given[next].arrival < entry.row.arrival)) {
      take_given();
    }
    merged_.rows.push_back(entry.row);
    numbers_.push_back(static_cast<std::uint32_t>(given.size()) + entry.number);
  }
  while (next < given.size()) take_given();
}

std::uint64_t Slice::relevant_rows() const {
  return std::accumulate(relevant_.begin(), relevant_.end(), std::uint64_t{0});
}

void Slice::mark_alerted(RuleIndex rule, std::uint32_t number) {
  std::atomic_ref(alerted_[rule.value][number]).store(1, std::memory_order_relaxed);
}
}  // namespace tocsin::cep
