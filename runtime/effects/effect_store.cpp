#include "runtime/effects/effect_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/value/identity.h"
#include "runtime/effects/effect_codec.h"

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

Result<void> EffectStore::count_traces() {
  return store_.scan(kTraceFamily, {}, [&](std::string_view key, std::string_view) {
    has_traces_ = true;
    if (key.starts_with('r')) ++event_traces_;
    return true;
  });
}

}  // namespace tocsin::runtime
