#include "runtime/effects/effect_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "cep/value/identity.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_commit.h"
#include "runtime/io/crash_point.h"

namespace tocsin::runtime {
Result<std::unique_ptr<EffectStore>> EffectStore::open(Store& store, Clock& clock,
                                                       const EffectStoreOptions& options) {
  auto effects = std::unique_ptr<EffectStore>(new EffectStore(store, clock));
  effects->semantics_ = options.semantics;
  const Result<std::optional<std::string>> value = store.get(kMetaFamily, kFormatKey);
  if (!value) return tl::unexpected(value.error());
  if (!*value) {
    if (Result<void> begun = effects->begin_new(options); !begun)
      return tl::unexpected(begun.error());
    const Result<LastSinkRows> rows = last_sink_rows(store);
    if (!rows) return tl::unexpected(rows.error());
    effects->sink_rows_ = *rows;
    return effects;
  }
  if (const Result<EffectReader> reader = EffectReader::open(store); !reader)
    return tl::unexpected(reader.error());
  const Result<EffectFormat> format = decode_format(**value);
  if (!format) return tl::unexpected(format.error());
  if (format->semantics != options.semantics) {
    if (!options.accept_other_semantics) {
      return fail(Errc::kOtherVersion,
                  fmt::format("the alert store was written with semantics {}, this tocsin has {}: "
                              "go on with the one that wrote it, or with --replay-as-new",
                              format->semantics, options.semantics));
    }
    StoreBatch batch;
    batch.put(kMetaFamily, kFormatKey, encode_format({format->format, options.semantics}));
    if (Result<void> written = store.write(batch, true); !written)
      return tl::unexpected(written.error());
  }
  if (Result<void> loaded = effects->load(); !loaded) return tl::unexpected(loaded.error());
  return effects;
}

Result<void> EffectStore::begin_new(const EffectStoreOptions& options) {
  bool is_empty = true;
  Result<void> scanned = store_.scan(kAlertFamily, {}, [&](std::string_view, std::string_view) {
    is_empty = false;
    return false;
  });
  if (!scanned) return scanned;
  if (!is_empty) return fail(Errc::kCorrupt, "the alert store lacks its `format`");
  StoreBatch batch;
  batch.put(kMetaFamily, kFormatKey, encode_format({kEffectFormat, options.semantics}));
  batch.put(kMetaFamily, kMarkKey, encode_mark(mark_));
  batch.put(kMetaFamily, kTotalsKey, encode_totals(totals_));
  return store_.write(batch, true);
}

Result<void> EffectStore::load() {
  const EffectReader from = reader();
  Result<EmittedMark> mark = from.mark();
  if (!mark) return tl::unexpected(mark.error());
  mark_ = std::move(*mark);
  const Result<EffectTotals> totals = from.totals();
  if (!totals) return tl::unexpected(totals.error());
  totals_ = *totals;
  const Result<std::uint64_t> cause = from.cause();
  if (!cause) return tl::unexpected(cause.error());
  cause_ = *cause;
  Result<std::vector<TimelineRow>> timelines = from.timelines();
  if (!timelines) return tl::unexpected(timelines.error());
  timelines_ = std::move(*timelines);
  if (!timelines_.empty() && timelines_.back().id != mark_.timeline)
    return fail(Errc::kCorrupt, "the alert store's mark is not of its last timeline");
  for (const SideOutputKind kind : {SideOutputKind::kLate, SideOutputKind::kDead}) {
    Result<std::optional<std::string>> gone = store_.get(kMetaFamily, gone_key_of(kind));
    if (!gone) return tl::unexpected(gone.error());
    if (*gone) side_output_gone_[static_cast<std::size_t>(kind)] = std::move(**gone);
  }
  const Result<std::optional<std::string>> owed_to = store_.get(kMetaFamily, kOwedToKey);
  if (!owed_to) return tl::unexpected(owed_to.error());
  Result<std::vector<EndpointId>> endpoints = decode_endpoints(owed_to->value_or(std::string()));
  if (!endpoints) return tl::unexpected(endpoints.error());
  endpoints_ = *std::move(endpoints);
  const Result<std::vector<InboxPlace>> places = from.inbox_places();
  if (!places) return tl::unexpected(places.error());
  has_inbox_ = !places->empty();
  const Result<std::optional<std::string>> inbox_dead = store_.get(kMetaFamily, kInboxDeadKey);
  if (!inbox_dead) return tl::unexpected(inbox_dead.error());
  if (*inbox_dead) {
    const Result<std::uint64_t> count = decode_cause(**inbox_dead);
    if (!count) return tl::unexpected(count.error());
    inbox_dead_ = *count;
  }
  if (Result<void> checked = check_last_alert(); !checked) return checked;
  if (Result<void> counted = count_traces(); !counted) return counted;
  const Result<LastSinkRows> rows = last_sink_rows(store_);
  if (!rows) return tl::unexpected(rows.error());
  sink_rows_ = *rows;
  return count_owed();
}

// A store that lost its newest rows but not its mark, or the other way round, is no store of ours.
Result<void> EffectStore::check_last_alert() const {
  std::uint64_t last = 0;
  Result<void> read = reader().alerts_before(UINT64_MAX, [&](const StoredAlert& alert) {
    last = alert.number;
    return false;
  });
  if (!read) return read;
  if (last != mark_.number && (last > mark_.number || totals_.removed_number < mark_.number)) {
    return fail(Errc::kCorrupt, fmt::format("the alert store's mark says {} alerts, its last is {}",
                                            mark_.number, last));
  }
  return {};
}

Result<void> EffectStore::count_owed() {
  Result<void> damage;
  const Result<void> scanned =
      store_.scan(kOutboxFamily, {}, [&](std::string_view key, std::string_view value) {
        if (const Result<OutboxRow> row = decode_outbox(key, value); !row) {
          damage = tl::unexpected(row.error());
          return false;
        }
        EndpointId endpoint;
        for (std::size_t i = 0; i < endpoint.bytes.size(); ++i)
          endpoint.bytes[i] = static_cast<std::uint8_t>(key[i]);
        ++owed_[endpoint];
        return true;
      });
  return scanned ? damage : scanned;
}

EffectReader EffectStore::reader() const { return EffectReader(store_); }

bool EffectStore::has_timeline(const std::array<std::uint8_t, 16>& id) const {
  return std::ranges::any_of(timelines_, [&](const TimelineRow& row) { return row.id == id; });
}

Result<void> EffectStore::begin_timeline(const std::array<std::uint8_t, 16>& id,
                                         const std::array<std::uint8_t, 16>& parent,
                                         const std::optional<cep::OrderKey>& order_before) {
  if (has_timeline(id)) {
    return fail(Errc::kConflict,
                fmt::format("the alert store has timeline {} already", cep::hex(id)));
  }
  TimelineRow row;
  row.ordinal = static_cast<std::uint32_t>(timelines_.size() + 1);
  row.id = id;
  row.parent = parent;
  row.number_before = mark_.number;
  row.order_before = order_before;
  const EmittedMark mark{id, order_before, mark_.number};
  StoreBatch batch;
  batch.put(kMetaFamily, timeline_key(row.ordinal), encode_timeline(row));
  batch.put(kMetaFamily, kMarkKey, encode_mark(mark));
  batch.put(kMetaFamily, kCauseKey, encode_cause(0));
  if (Result<void> written = store_.write(batch, true); !written) return written;
  timelines_.push_back(std::move(row));
  mark_ = mark;
  cause_ = 0;
  next_number_ = mark_.number + 1;
  last_order_ = order_before;
  is_resumed_ = true;
  return {};
}

Result<void> EffectStore::resume(const std::optional<EmittedMark>& start) {
  if (timelines_.empty()) return fail(Errc::kMismatch, "the alert store has no timeline yet");
  const TimelineRow& timeline = timelines_.back();
  const EmittedMark from =
      start ? *start : EmittedMark{timeline.id, timeline.order_before, timeline.number_before};
  if (from.timeline != timeline.id) {
    return fail(Errc::kMismatch,
                fmt::format("the checkpoint is of timeline {}, the alert store of {}",
                            cep::hex(from.timeline), cep::hex(timeline.id)));
  }
  const bool is_ahead = from.number > mark_.number || (from.order && !mark_.order) ||
                        (from.order && *from.order > *mark_.order);
  if (is_ahead || from.number < timeline.number_before) {
    return fail(Errc::kMismatch,
                fmt::format("the alert store is not the one that belongs to the checkpoint: its "
                            "last alert is number {}, the checkpoint's is {}; put back the store "
                            "of the same time",
                            mark_.number, from.number));
  }
  // What is seen here may not be on disk, where a sync failed before; replay counts on it.
  StoreBatch batch;
  batch.put(kMetaFamily, kMarkKey, encode_mark(mark_));
  if (Result<void> written = store_.write(batch, true); !written) return written;
  next_number_ = from.number + 1;
  last_order_ = from.order;
  is_resumed_ = true;
  return {};
}

Result<CommitReport> EffectStore::commit(std::span<SliceEffects> slices) {
  TOCSIN_ASSERT(is_resumed_, "a timeline is begun or resumed first");
  const std::lock_guard owing(owing_);
  Commit commit;
  commit.batch = std::exchange(batch_, {});
  commit.mark = mark_;
  commit.next_number = next_number_;
  if (last_order_) commit.last_order = &*last_order_;
  commit.totals = totals_;
  commit.sink_rows = sink_rows_;
  commit.now = clock_.now();
  commit.cause = cause_;
  commit.inbox_dead = inbox_dead_;
  commit.has_inbox = has_inbox_;
  Result<void> taken;
  for (SliceEffects& slice : slices) {
    commit.cause = std::max(commit.cause, slice.cause);
    for (const TraceRow& row : slice.traces) take(row, slice.cause, commit);
    for (StoredAlert& alert : slice.alerts) {
      if (taken) taken = take(alert, commit);
    }
    for (const SideOutputRow& row : slice.side_output) {
      if (taken) taken = take(row, commit);
    }
    for (const Reinjected& mark : slice.reinjected) {
      if (taken) taken = take(mark, commit);
    }
    if (taken && !slice.inbox.empty()) taken = take(slice.inbox, commit);
  }
  if (!taken) return tl::unexpected(taken.error());
  // In order, each is found from the one before.
  std::ranges::sort(commit.alert_ids);
  std::string id_key;
  for (const auto& [id, number] : commit.alert_ids) {
    id_key.clear();
    append_alert_id_key(id_key, id, number);
    commit.batch.put(kAlertIdFamily, id_key, {});
  }
  for (const auto& [place, row] : commit.side_output)
    commit.batch.put(family_of(place.first), place.second, encode_side_output(row));
  if (commit.last_stored_order != nullptr) commit.mark.order = *commit.last_stored_order;
  std::uint64_t cause = cause_;
  if (!commit.batch.empty()) {
    cause = commit.cause;
    commit.batch.put(kMetaFamily, kMarkKey, encode_mark(commit.mark));
    commit.batch.put(kMetaFamily, kCauseKey, encode_cause(cause));
    commit.batch.put(kMetaFamily, kTotalsKey, encode_totals(commit.totals));
    if (commit.addressing) commit.addressing->write(commit.batch);
    crash_point("effects.before_write");
    if (Result<void> written = write_owed(commit.batch, true, commit.owed); !written)
      return tl::unexpected(written.error());
    crash_point("effects.after_write");
    if (commit.addressing) commit.addressing->written();
  }
  mark_ = std::move(commit.mark);
  cause_ = cause;
  next_number_ = commit.next_number;
  if (commit.last_order != nullptr) last_order_ = *commit.last_order;
  totals_ = commit.totals;
  sink_rows_ = commit.sink_rows;
  inbox_dead_ = commit.inbox_dead;
  has_inbox_ = commit.has_inbox;
  event_traces_ += commit.traces.size();
  has_traces_ = has_traces_ || !commit.traces.empty();
  constexpr std::size_t kBatchBytesKept = std::size_t{4} << 20;
  commit.batch.clear(kBatchBytesKept);
  batch_ = std::move(commit.batch);
  return commit.report;
}

// Rows of records of which something is stored are there: they went with it.
void EffectStore::take(const TraceRow& row, std::uint64_t record, Commit& commit) const {
  if (record <= cause_) return;
  const auto [place, is_new] = commit.traces.emplace(row.arrival, row.trace_parent);
  if (!is_new) return;
  commit.batch.put(kTraceFamily, event_trace_key(timelines_.back().ordinal, row.arrival),
                   row.trace_parent);
}

// Of the event with that arrival number: what the last row at or before it in its record says.
Result<std::string> EffectStore::find_trace(cep::ArrivalNumber arrival,
                                            const Commit& commit) const {
  if (const auto after = commit.traces.upper_bound(arrival); after != commit.traces.begin()) {
    const auto place = std::prev(after);
    if (place->first.record == arrival.record) return place->second;
  }
  std::string found;
  if (!has_traces_) return found;
  const std::uint32_t timeline = timelines_.back().ordinal;
  const StoreRange range{.begin = event_trace_key(timeline, {arrival.record, 0}),
                         .end = event_trace_key(timeline, arrival) + '\0',
                         .is_descending = true};
  const Result<void> read =
      store_.scan(kTraceFamily, range, [&](std::string_view, std::string_view value) {
        found = value;
        return false;
      });
  if (!read) return tl::unexpected(read.error());
  return found;
}

Result<void> EffectStore::count_traces() {
  return store_.scan(kTraceFamily, {}, [&](std::string_view key, std::string_view) {
    has_traces_ = true;
    if (key.starts_with('r')) ++event_traces_;
    return true;
  });
}

Result<void> EffectStore::take(const SideOutputRow& row, Commit& commit) const {
  const std::string key = side_output_key(timelines_.back().ordinal, row.arrival);
  if (key <= side_output_gone_[static_cast<std::size_t>(row.kind)]) return {};
  if (commit.side_output.contains({row.kind, key})) return {};
  const Result<std::optional<std::string>> stored = store_.get(family_of(row.kind), key);
  if (!stored) return tl::unexpected(stored.error());
  if (!*stored) put_row(row, commit);
  return {};
}

// One that is new.
void EffectStore::put_row(SideOutputRow row, Commit& commit) const {
  row.timeline = timelines_.back().ordinal;
  row.reinjected_as = 0;
  const std::uint64_t bytes = encode_side_output(row).size();
  const bool is_late = row.kind == SideOutputKind::kLate;
  ++(is_late ? commit.totals.late : commit.totals.dead);
  (is_late ? commit.totals.late_bytes : commit.totals.dead_bytes) += bytes;
  // Owed with all that is sent, as retention may remove the stored row before.
  if (std::optional<std::uint64_t>& last = commit.sink_rows[static_cast<std::size_t>(row.kind)];
      last) {
    commit.batch.put(kMetaFamily, sink_row_key(stream_of(row.kind), ++*last), encode_sink_row(row));
  }
  std::string key = side_output_key(row.timeline, row.arrival);
  commit.side_output.emplace(std::pair(row.kind, std::move(key)), std::move(row));
  ++commit.report.side_output;
}

Result<void> EffectStore::take(const Reinjected& mark, Commit& commit) const {
  const std::string key = side_output_key(mark.timeline, mark.arrival);
  if (const auto taken = commit.side_output.find({mark.kind, key});
      taken != commit.side_output.end()) {
    if (taken->second.reinjected_as == 0) taken->second.reinjected_as = mark.record;
    return {};
  }
  Result<std::optional<SideOutputRow>> row =
      reader().side_output_row(mark.kind, mark.timeline, mark.arrival);
  if (!row) return tl::unexpected(row.error());
  // Gone by retention, or marked before: by the same record, in replay.
  if (!*row || (*row)->reinjected_as != 0) return {};
  (*row)->reinjected_as = mark.record;
  commit.side_output.emplace(std::pair(mark.kind, key), std::move(**row));
  return {};
}
}  // namespace tocsin::runtime
