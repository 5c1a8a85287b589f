#include "runtime/event_time/block_lines.h"

#include <algorithm>

namespace tocsin::runtime {
void BlockLines::begin(DecodedBlock& block) {
  if (block_ != nullptr) lines_before_ += line_count_;
  block_ = &block;
  line_count_ = block.line_count;
  at_ = 0;
  problem_ = 0;
  fault_ = 0;
  begin_batch(0);
}

void BlockLines::begin_batch(std::size_t number) {
  batch_number_ = number;
  batch_ = block_->batches[number].get();
  row_count_ = batch_->rows.size();
  row_ = 0;
  first_ = 0;
  dropped_.clear();
  stored.reset();
}

std::span<const DecodedBlock::Problem> BlockLines::take_problems() {
  const std::vector<DecodedBlock::Problem>& all = block_->problems;
  const std::size_t line = at_ - 1;
  // Those of lines that were set aside are passed over.
  while (problem_ < all.size() && all[problem_].line < line) ++problem_;
  const std::size_t first = problem_;
  while (problem_ < all.size() && all[problem_].line == line) ++problem_;
  return std::span(all).subspan(first, problem_ - first);
}

void BlockLines::copy_rows(cep::Batch& slice) {
  slice.fields_of = batch_->fields_of;
  std::vector<std::uint32_t> counts(slice.types.size());
  auto dropped = dropped_.begin();
  for (std::size_t i = first_; i < row_; ++i) {
    if (dropped != dropped_.end() && *dropped == i) {
      ++dropped;
      continue;
    }
    cep::Row& row = slice.rows.emplace_back(batch_->rows[i]);
    const std::uint32_t index = row.index;
    row.index = counts[row.type.value]++;
    const std::vector<cep::Column>& from = batch_->types[row.type.value].fields;
    std::vector<cep::Column>& to = slice.types[row.type.value].fields;
    for (std::size_t f = 0; f < from.size(); ++f) {
      if (from[f].known.empty()) continue;
      to[f].known.push_back(from[f].known[index]);
      if (from[f].words.empty()) {
        to[f].texts.push_back(from[f].texts[index]);
      } else {
        to[f].words.push_back(from[f].words[index]);
      }
    }
  }
}
}  // namespace tocsin::runtime
