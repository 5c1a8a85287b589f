#include "runtime/event_time/row_store.h"

#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/plan.h"
#include "runtime/decode/declared_fields.h"

namespace tocsin::runtime {
RowStore::RowStore(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
                   Decoder& decoder, std::size_t rows_per_batch_max, bool keeps_lines)
    : plan_(plan),
      decoder_(decoder),
      rows_per_batch_max_(rows_per_batch_max),
      keeps_lines_(keeps_lines),
      used_fields_(plan.event_types.size()),
      origins_(plan.event_types.size()) {
  TOCSIN_ASSERT(rows_per_batch_max > 0 && rows_per_batch_max <= kRowsPerBatchMax,
                "places have 16 bits for the row");
  for (std::size_t t = 0; t < plan.event_types.size(); ++t) {
    for (std::size_t f = 0; f < used_fields[t].size(); ++f) {
      if (!used_fields[t][f]) continue;
      used_fields_[t].push_back(
          {f, plan.event_types[t].fields[f].type.kind == cep::TypeKind::kString});
    }
  }
  begin_batch();
}

void RowStore::begin_batch() {
  if (spare_.empty()) spare_.push_back(std::make_unique<cep::Batch>(plan_));
  Held& held = held_.emplace_back();
  held.batch = std::move(spare_.back());
  spare_.pop_back();
  decoder_.begin(*held.batch);
}

// The last batch gets no more rows.
void RowStore::end_batch() {
  held_.back().bytes = last_bytes();
  full_bytes_ += held_.back().bytes;
  begin_batch();
}

std::uint64_t RowStore::adopt(std::unique_ptr<cep::Batch>& batch) {
  TOCSIN_ASSERT(!keeps_lines_, "lines of blocks are not kept");
  if (!held_.back().batch->rows.empty()) end_batch();
  // Before the one that is being filled.
  held_.emplace_back();
  std::swap(held_[held_.size() - 2], held_.back());
  Held& held = held_[held_.size() - 2];
  held.batch = std::move(batch);
  held.waiting = held.batch->rows.size();
  held.bytes = bytes_of(*held.batch);
  full_bytes_ += held.bytes;
  if (!spare_.empty()) {
    batch = std::move(spare_.back());
    spare_.pop_back();
  }
  return first_sequence_ + held_.size() - 2;
}

std::size_t RowStore::bytes_of(const cep::Batch& batch) const {
  std::size_t bytes = batch.rows.capacity() * sizeof(cep::Row) + batch.texts.bytes();
  bytes += batch.declared_bytes;
  for (std::size_t t = 0; t < used_fields_.size(); ++t) {
    for (const UsedField& used : used_fields_[t]) {
      const std::size_t entry =
          1 + (used.is_text ? sizeof(std::string_view) : sizeof(std::int64_t));
      bytes += batch.types[t].fields[used.field].known.capacity() * entry;
    }
  }
  return bytes;
}

std::uint64_t RowStore::keep(cep::EventTime engine_time, cep::ArrivalNumber arrival,
                             const Line& line, std::size_t source) {
  Held& held = held_.back();
  const std::size_t row = held.batch->rows.size();
  const std::uint64_t sequence = first_sequence_ + held_.size() - 1;
  decoder_.keep(engine_time, arrival);
  ++held.waiting;
  if (keeps_lines_) {
    const std::string_view raw = held.batch->rows.back().raw;
    held.lines.push_back({raw.empty() ? held.line_texts.store(line.text) : raw, line.number,
                          static_cast<std::uint32_t>(source), 0});
  }
  if (row + 1 == rows_per_batch_max_) end_batch();
  return sequence * kRowsPerBatchMax + row;
}

void RowStore::gather(std::span<const WaitingRow> rows, cep::Batch& slice) {
  slice.clear();
  slice.fields_of = declared_fields;
  slice.rows.reserve(rows.size());
  if (!rows.empty()) ++slices_;
  for (const WaitingRow& waiting : rows) {
    Held& held =
        held_[static_cast<std::size_t>(waiting.place / kRowsPerBatchMax - first_sequence_)];
    cep::Row& row = slice.rows.emplace_back(held.batch->rows[waiting.place % kRowsPerBatchMax]);
    std::vector<Origin>& origins = origins_[row.type.value];
    origins.push_back({&held.batch->types[row.type.value], row.index});
    row.index = static_cast<std::uint32_t>(origins.size() - 1);
    --held.waiting;
    held.last_slice = slices_;
    if (keeps_lines_) held.lines[waiting.place % kRowsPerBatchMax].gathered = cuts_;
  }
  for (std::size_t t = 0; t < origins_.size(); ++t) {
    std::vector<Origin>& origins = origins_[t];
    if (origins.empty()) continue;
    for (const UsedField& used : used_fields_[t]) {
      cep::Column& to = slice.types[t].fields[used.field];
      const std::size_t count = origins.size();
      to.known.resize(count);
      for (std::size_t i = 0; i < count; ++i) {
        to.known[i] = origins[i].columns->fields[used.field].known[origins[i].index];
      }
      if (used.is_text) {
        to.texts.resize(count);
        for (std::size_t i = 0; i < count; ++i) {
          to.texts[i] = origins[i].columns->fields[used.field].texts[origins[i].index];
        }
      } else {
        to.words.resize(count);
        for (std::size_t i = 0; i < count; ++i) {
          to.words[i] = origins[i].columns->fields[used.field].words[origins[i].index];
        }
      }
    }
    origins.clear();
  }
}

void RowStore::release(std::uint64_t all_but) {
  for (std::size_t i = 0; i + 1 < held_.size(); ++i) {
    Held& held = held_[i];
    if (held.waiting != 0 || held.batch == nullptr || is_pinned(i)) continue;
    if (held.last_slice != 0 && held.last_slice + all_but > slices_) continue;
    full_bytes_ -= held.bytes;
    held.batch->clear();
    held.lines = {};
    held.line_texts = {};
    spare_.push_back(std::move(held.batch));
  }
  while (held_.size() > 1 && held_.front().batch == nullptr) {
    held_.pop_front();
    ++first_sequence_;
  }
}

void RowStore::begin_save() {
  TOCSIN_ASSERT(keeps_lines_ && !is_saving_, "one cut at a time, of lines that are kept");
  is_saving_ = true;
  ++cuts_;
  save_next_ = first_sequence_ * kRowsPerBatchMax;
  save_end_ = (first_sequence_ + held_.size() - 1) * kRowsPerBatchMax + held_.back().lines.size();
}

std::optional<RowStore::SavedRow> RowStore::next_of_save() {
  constexpr int kLooksMax = 4096;
  for (int looks = 0; is_saving_ && looks < kLooksMax; ++looks) {
    if (save_next_ >= save_end_) {
      is_saving_ = false;
      break;
    }
    const Held& held =
        held_[static_cast<std::size_t>(save_next_ / kRowsPerBatchMax - first_sequence_)];
    const std::size_t row = save_next_ % kRowsPerBatchMax;
    if (held.batch == nullptr || row >= held.lines.size()) {
      save_next_ = (save_next_ / kRowsPerBatchMax + 1) * kRowsPerBatchMax;
      continue;
    }
    ++save_next_;
    const KeptLine& kept = held.lines[row];
    if (kept.gathered != 0 && kept.gathered < cuts_) continue;
    return SavedRow{&held.batch->rows[row], {kept.text, kept.number, false}, kept.source};
  }
  return std::nullopt;
}

std::size_t RowStore::last_bytes() const {
  const Held& held = held_.back();
  return decoder_.batch_bytes() + held.line_texts.bytes() + held.lines.size() * sizeof(KeptLine);
}

std::size_t RowStore::bytes() const { return full_bytes_ + last_bytes(); }
}  // namespace tocsin::runtime
