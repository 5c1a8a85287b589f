#include "api/trace/waiting_slices.h"

#include <algorithm>
#include <utility>

#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"

namespace tocsin::api {
namespace {
// Alerts of a slice are in memory at once, and each lists its events.
constexpr std::size_t kSliceRows = 256;
// Those of other keys too, where an answer depends on them: beyond so many all entries are made.
constexpr std::size_t kRowsMax = 100'000;

void append(const cep::Plan& plan, const cep::Batch& from, const cep::Row& row, cep::Batch& to) {
  const std::vector<cep::Column>& columns = from.types[row.type.value].fields;
  const std::vector<cep::Field>& fields = plan.event_types[row.type.value].fields;
  std::vector<cep::Column>& copies = to.types[row.type.value].fields;
  cep::Row copy = row;
  copy.index = 0;
  copy.raw = to.texts.store(row.raw);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].known.empty()) continue;
    copy.index = static_cast<std::uint32_t>(copies[i].known.size());
    cep::append_value(copies[i], fields[i].type, from.value(plan, row, cep::FieldIndex(i)),
                      to.texts);
  }
  to.rows.push_back(copy);
}
}  // namespace

void WaitingSlices::add(const cep::Batch& slice, std::uint64_t entries, cep::EventTime watermark) {
  const std::size_t rows = slice.rows.size();
  if (waiting_.empty() || waiting_.back().batch.rows.size() + rows > kSliceRows) {
    waiting_.emplace_back().batch = cep::Batch(plan_);
    waiting_.back().batch.fields_of = slice.fields_of;
  }
  WaitingSlice& to = waiting_.back();
  for (const cep::Row& row : slice.rows) append(plan_, slice, row, to.batch);
  to.watermark = watermark;
  to.entries += entries;
  entries_ += entries;
  rows_ += rows;
}

std::optional<WaitingSlice> WaitingSlices::take(bool is_end) {
  if (waiting_.empty()) return std::nullopt;
  WaitingSlice& oldest = waiting_.front();
  oldest.is_shown = entries_ - oldest.entries < entries_max_;
  if (oldest.is_shown && rows_ <= kRowsMax && !is_end) return std::nullopt;
  std::optional<WaitingSlice> taken = std::move(oldest);
  waiting_.pop_front();
  entries_ -= taken->entries;
  rows_ -= taken->batch.rows.size();
  return taken;
}
}  // namespace tocsin::api
