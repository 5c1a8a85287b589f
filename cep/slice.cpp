#include "cep/slice.h"

#include <algorithm>
#include <numeric>

namespace tocsin::cep {
Slice::Slice(const ProgramImpl& program)
    : program_(program),
      rows_of_type_(program.plan->event_types.size()),
      values_(program.features.size()) {}

void Slice::begin(const Batch& batch, std::uint64_t& values_missing) {
  batch_ = &batch;
  std::fill(rows_of_type_.begin(), rows_of_type_.end(), 0);
  for (const Row& row : batch.rows) {
    std::uint32_t& rows = rows_of_type_[row.type.value];
    rows = std::max(rows, row.index + 1);
  }
  atoms_.evaluate(program_, batch, rows_of_type_, values_missing);
  value_texts_.clear();
  for (const FeatureProgram& feature : program_.features) {
    if (feature.is_probed) values_[feature.index.value].assign(batch.rows.size(), Value::missing());
  }
  relevant_.assign(batch.rows.size(), 0);
}

std::uint64_t Slice::relevant_rows() const {
  return std::accumulate(relevant_.begin(), relevant_.end(), std::uint64_t{0});
}
}  // namespace tocsin::cep
