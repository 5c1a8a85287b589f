#include "runtime/effects/effect_commit.h"

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "runtime/io/crash_point.h"

namespace tocsin::runtime {
Result<CommitReport> EffectStore::commit(std::span<SliceEffects> slices) {
  TOCSIN_ASSERT(is_resumed_, "a timeline is begun or resumed first");
  const std::lock_guard owing(owing_);
  Commit commit(*this, std::exchange(batch_, {}));
  for (SliceEffects& slice : slices) {
    if (Result<void> taken = commit.take(slice); !taken) return tl::unexpected(taken.error());
  }
  return commit.write();
}

EffectStore::Commit::Commit(EffectStore& to, StoreBatch batch)
    : to_(to),
      batch_(std::move(batch)),
      mark_(to.mark_),
      next_number_(to.next_number_),
      last_order_(to.last_order_ ? &*to.last_order_ : nullptr),
      totals_(to.totals_),
      now_(to.clock_.now()),
      sink_rows_(to.sink_rows_),
      cause_(to.cause_),
      inbox_dead_(to.inbox_dead_),
      has_inbox_(to.has_inbox_) {}

Result<void> EffectStore::Commit::take(SliceEffects& slice) {
  cause_ = std::max(cause_, slice.cause);
  for (const TraceRow& row : slice.traces) take(row, slice.cause);
  for (StoredAlert& alert : slice.alerts) {
    if (Result<void> taken = take(alert); !taken) return taken;
  }
  for (const SideOutputRow& row : slice.side_output) {
    if (Result<void> taken = take(row); !taken) return taken;
  }
  for (const Reinjected& mark : slice.reinjected) {
    if (Result<void> taken = take(mark); !taken) return taken;
  }
  return slice.inbox.empty() ? Result<void>() : take(slice.inbox);
}

Result<CommitReport> EffectStore::Commit::write() {
  write_collected();
  if (last_stored_order_ != nullptr) mark_.order = *last_stored_order_;
  std::uint64_t cause = to_.cause_;
  if (!batch_.empty()) {
    cause = cause_;
    batch_.put(kMetaFamily, kMarkKey, encode_mark(mark_));
    batch_.put(kMetaFamily, kCauseKey, encode_cause(cause));
    batch_.put(kMetaFamily, kTotalsKey, encode_totals(totals_));
    if (addressing_) addressing_->write(batch_);
    crash_point("effects.before_write");
    if (Result<void> written = to_.write_owed(batch_, true, owed_); !written)
      return tl::unexpected(written.error());
    crash_point("effects.after_write");
    if (addressing_) addressing_->written();
  }
  adopt(cause);
  return report_;
}

// What was collected by key.
void EffectStore::Commit::write_collected() {
  // In order, each is found from the one before.
  std::ranges::sort(alert_ids_);
  std::string id_key;
  for (const auto& [id, number] : alert_ids_) {
    id_key.clear();
    append_alert_id_key(id_key, id, number);
    batch_.put(kAlertIdFamily, id_key, {});
  }
  for (const auto& [place, row] : side_output_)
    batch_.put(family_of(place.first), place.second, encode_side_output(row));
}

// Has the store go on from what is on disk.
void EffectStore::Commit::adopt(std::uint64_t cause) {
  to_.mark_ = std::move(mark_);
  to_.cause_ = cause;
  to_.next_number_ = next_number_;
  if (last_order_ != nullptr) to_.last_order_ = *last_order_;
  to_.totals_ = totals_;
  to_.sink_rows_ = sink_rows_;
  to_.inbox_dead_ = inbox_dead_;
  to_.has_inbox_ = has_inbox_;
  to_.event_traces_ += traces_.size();
  to_.has_traces_ = to_.has_traces_ || !traces_.empty();
  constexpr std::size_t kBatchBytesKept = std::size_t{4} << 20;
  batch_.clear(kBatchBytesKept);
  to_.batch_ = std::move(batch_);
}

// Rows of records of which something is stored are there: they went with it.
void EffectStore::Commit::take(const TraceRow& row, std::uint64_t record) {
  if (record <= to_.cause_) return;
  const auto [place, is_new] = traces_.emplace(row.arrival, row.trace_parent);
  if (!is_new) return;
  batch_.put(kTraceFamily, event_trace_key(to_.timelines_.back().ordinal, row.arrival),
             row.trace_parent);
}

// Of the event with that arrival number: what the last row at or before it in its record says.
Result<std::string> EffectStore::Commit::find_trace(cep::ArrivalNumber arrival) const {
  if (const auto after = traces_.upper_bound(arrival); after != traces_.begin()) {
    const auto place = std::prev(after);
    if (place->first.record == arrival.record) return place->second;
  }
  std::string found;
  if (!to_.has_traces_) return found;
  const std::uint32_t timeline = to_.timelines_.back().ordinal;
  const StoreRange range{.begin = event_trace_key(timeline, {arrival.record, 0}),
                         .end = event_trace_key(timeline, arrival) + '\0',
                         .is_descending = true};
  const Result<void> read =
      to_.store_.scan(kTraceFamily, range, [&](std::string_view, std::string_view value) {
        found = value;
        return false;
      });
  if (!read) return tl::unexpected(read.error());
  return found;
}

Result<void> EffectStore::Commit::take(const SideOutputRow& row) {
  const std::string key = side_output_key(to_.timelines_.back().ordinal, row.arrival);
  if (key <= to_.side_output_gone_[static_cast<std::size_t>(row.kind)]) return {};
  if (side_output_.contains({row.kind, key})) return {};
  const Result<std::optional<std::string>> stored = to_.store_.get(family_of(row.kind), key);
  if (!stored) return tl::unexpected(stored.error());
  if (!*stored) put_row(row);
  return {};
}

// One that is new.
void EffectStore::Commit::put_row(SideOutputRow row) {
  row.timeline = to_.timelines_.back().ordinal;
  row.reinjected_as = 0;
  const std::uint64_t bytes = encode_side_output(row).size();
  const bool is_late = row.kind == SideOutputKind::kLate;
  ++(is_late ? totals_.late : totals_.dead);
  (is_late ? totals_.late_bytes : totals_.dead_bytes) += bytes;
  // Owed with all that is sent, as retention may remove the stored row before.
  if (std::optional<std::uint64_t>& last = sink_rows_[static_cast<std::size_t>(row.kind)]; last) {
    batch_.put(kMetaFamily, sink_row_key(stream_of(row.kind), ++*last), encode_sink_row(row));
  }
  std::string key = side_output_key(row.timeline, row.arrival);
  side_output_.emplace(std::pair(row.kind, std::move(key)), std::move(row));
  ++report_.side_output;
}

Result<void> EffectStore::Commit::take(const Reinjected& mark) {
  const std::string key = side_output_key(mark.timeline, mark.arrival);
  if (const auto taken = side_output_.find({mark.kind, key}); taken != side_output_.end()) {
    if (taken->second.reinjected_as == 0) taken->second.reinjected_as = mark.record;
    return {};
  }
  Result<std::optional<SideOutputRow>> row =
      to_.reader().side_output_row(mark.kind, mark.timeline, mark.arrival);
  if (!row) return tl::unexpected(row.error());
  // Gone by retention, or marked before: by the same record, in replay.
  if (!*row || (*row)->reinjected_as != 0) return {};
  (*row)->reinjected_as = mark.record;
  side_output_.emplace(std::pair(mark.kind, key), std::move(**row));
  return {};
}
}  // namespace tocsin::runtime
