#include "runtime/effect_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "cep/identity.h"
#include "runtime/crash_point.h"
#include "runtime/effect_codec.h"

namespace tocsin::runtime {
namespace {
std::string describe(const StoredAlert& alert) {
  return fmt::format("{} of rule {} ({})", alert.id, alert.rule, describe_order(alert.order));
}
// Rows that are the same for all who replay the same journal.
constexpr const char* kDifferenceHelp =
    "this journal and this program are not those that stored it";
}  // namespace

// What a commit changes, taken over once it is on disk.
struct EffectStore::Commit {
  StoreBatch batch;
  std::map<std::pair<AsideKind, std::string>, AsideRow> aside;  // by key
  std::map<cep::ArrivalNumber, std::string> traces;             // of events, new
  EmittedMark mark;
  std::uint64_t next_number = 0;
  std::optional<cep::OrderKey> last_order;
  EffectTotals totals;
  cep::EventTime now;
  CommitReport report;
  std::map<EndpointId, std::uint64_t> owed;  // rows made
};

Result<std::unique_ptr<EffectStore>> EffectStore::open(Store& store, Clock& clock,
                                                       const EffectStoreOptions& options) {
  auto effects = std::unique_ptr<EffectStore>(new EffectStore(store, clock));
  const Result<std::optional<std::string>> value = store.get(kMetaFamily, kFormatKey);
  if (!value) return tl::unexpected(value.error());
  if (!*value) {
    if (Result<void> begun = effects->begin_new(options); !begun)
      return tl::unexpected(begun.error());
    return effects;
  }
  if (const Result<EffectReader> reader = EffectReader::open(store); !reader)
    return tl::unexpected(reader.error());
  const Result<EffectFormat> format = decode_format(**value);
  if (!format) return tl::unexpected(format.error());
  if (format->semantics != options.semantics) {
    if (!options.accept_other_semantics) {
      return fail(Errc::kRefused,
                  fmt::format("the alert store was written with semantics {}, this tocsin has {}: "
                              "go on with the one that wrote it, or with --replay-as-new",
                              format->semantics, options.semantics));
    }
    StoreBatch batch;
    batch.put(kMetaFamily, kFormatKey, encode_format({kEffectFormat, options.semantics}));
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
  const Result<std::optional<std::string>> value = store_.get(kMetaFamily, kCauseKey);
  if (!value) return tl::unexpected(value.error());
  if (*value) {
    const Result<std::uint64_t> cause = decode_cause(**value);
    if (!cause) return tl::unexpected(cause.error());
    cause_ = *cause;
  }
  Result<std::vector<TimelineRow>> timelines = from.timelines();
  if (!timelines) return tl::unexpected(timelines.error());
  timelines_ = std::move(*timelines);
  if (!timelines_.empty() && timelines_.back().id != mark_.timeline)
    return fail(Errc::kCorrupt, "the alert store's mark is not of its last timeline");
  for (const AsideKind kind : {AsideKind::kLate, AsideKind::kDead}) {
    Result<std::optional<std::string>> gone = store_.get(kMetaFamily, gone_key_of(kind));
    if (!gone) return tl::unexpected(gone.error());
    if (*gone) aside_gone_[static_cast<std::size_t>(kind)] = std::move(**gone);
  }
  const Result<std::optional<std::string>> owed_to = store_.get(kMetaFamily, kOwedToKey);
  if (!owed_to) return tl::unexpected(owed_to.error());
  Result<std::vector<EndpointId>> endpoints = decode_endpoints(owed_to->value_or(std::string()));
  if (!endpoints) return tl::unexpected(endpoints.error());
  endpoints_ = *std::move(endpoints);
  if (Result<void> checked = check_last_alert(); !checked) return checked;
  if (Result<void> counted = count_traces(); !counted) return counted;
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
    return fail(Errc::kRefused,
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
  if (timelines_.empty()) return fail(Errc::kRefused, "the alert store has no timeline yet");
  const TimelineRow& timeline = timelines_.back();
  const EmittedMark from =
      start ? *start : EmittedMark{timeline.id, timeline.order_before, timeline.number_before};
  if (from.timeline != timeline.id) {
    return fail(Errc::kRefused,
                fmt::format("the checkpoint is of timeline {}, the alert store of {}",
                            cep::hex(from.timeline), cep::hex(timeline.id)));
  }
  const bool is_ahead = from.number > mark_.number || (from.order && !mark_.order) ||
                        (from.order && *from.order > *mark_.order);
  if (is_ahead || from.number < timeline.number_before) {
    return fail(Errc::kRefused,
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

Result<void> EffectStore::set_endpoints(std::vector<EndpointId> endpoints) {
  if (endpoints != endpoints_) {
    StoreBatch batch;
    batch.put(kMetaFamily, kOwedToKey, encode_endpoints(endpoints));
    if (Result<void> written = store_.write(batch, true); !written) return written;
  }
  endpoints_ = std::move(endpoints);
  return {};
}

void EffectStore::set_addressees(std::shared_ptr<const Addressees> addressees) {
  const std::lock_guard lock(owing_);
  addressees_ = std::move(addressees);
}

Result<CommitReport> EffectStore::commit(std::span<const SliceEffects> slices) {
  TOCSIN_ASSERT(is_resumed_, "a timeline is begun or resumed first");
  const std::lock_guard owing(owing_);
  Commit commit;
  commit.mark = mark_;
  commit.next_number = next_number_;
  commit.last_order = last_order_;
  commit.totals = totals_;
  commit.now = clock_.now();
  Result<void> taken;
  for (const SliceEffects& slice : slices) {
    for (const TraceRow& row : slice.traces) take(row, slice.cause, commit);
    for (const StoredAlert& alert : slice.alerts) {
      if (taken) taken = take(alert, commit);
    }
    for (const AsideRow& row : slice.aside) {
      if (taken) taken = take(row, commit);
    }
    for (const Reinjected& mark : slice.reinjected) {
      if (taken) taken = take(mark, commit);
    }
  }
  if (!taken) return tl::unexpected(taken.error());
  for (const auto& [place, row] : commit.aside)
    commit.batch.put(family_of(place.first), place.second, encode_aside(row));
  std::uint64_t cause = cause_;
  if (!commit.batch.empty()) {
    cause = std::max(cause, slices.back().cause);
    commit.batch.put(kMetaFamily, kMarkKey, encode_mark(commit.mark));
    commit.batch.put(kMetaFamily, kCauseKey, encode_cause(cause));
    commit.batch.put(kMetaFamily, kTotalsKey, encode_totals(commit.totals));
    crash_point("effects.before_write");
    if (Result<void> written = store_.write(commit.batch, true); !written)
      return tl::unexpected(written.error());
    crash_point("effects.after_write");
  }
  mark_ = std::move(commit.mark);
  cause_ = cause;
  next_number_ = commit.next_number;
  last_order_ = std::move(commit.last_order);
  totals_ = commit.totals;
  event_traces_ += commit.traces.size();
  has_traces_ = has_traces_ || !commit.traces.empty();
  const std::lock_guard lock(mutex_);
  for (const auto& [endpoint, count] : commit.owed) {
    owed_[endpoint] += count;
    ++times_owed_[endpoint];
  }
  return commit.report;
}

Result<void> EffectStore::take(const StoredAlert& alert, Commit& commit) const {
  if (commit.last_order && alert.order <= *commit.last_order) {
    return fail(
        Errc::kInternal,
        fmt::format("alert {} comes after one that stands behind it in the total order ({})",
                    describe(alert), describe_order(*commit.last_order)));
  }
  if (commit.next_number <= mark_.number) {
    if (Result<void> same = compare(alert, commit); !same) return same;
    ++commit.report.compared;
  } else {
    if (mark_.order && alert.order <= *mark_.order) {
      return fail(Errc::kCorrupt,
                  fmt::format("replay gives an alert that was not stored: {}; the last stored one, "
                              "number {}, stands behind it ({}): {}",
                              describe(alert), mark_.number, describe_order(*mark_.order),
                              kDifferenceHelp));
    }
    StoredAlert stored = alert;
    stored.number = commit.next_number;
    stored.timeline = timelines_.back().ordinal;
    stored.stored_at = commit.now;
    stored.repeat_of = 0;
    if (timelines_.size() > 1) {
      const Result<std::vector<std::uint64_t>> numbers = reader().numbers_of(alert.id);
      if (!numbers) return tl::unexpected(numbers.error());
      if (!numbers->empty() && numbers->front() <= timelines_.back().number_before)
        stored.repeat_of = numbers->front();
    }
    const std::string value = encode_alert(stored);
    commit.batch.put(kAlertFamily, alert_key(stored.number), value);
    commit.batch.put(kAlertIdFamily, alert_id_key(stored.id, stored.number), {});
    if (stored.is_live && stored.repeat_of == 0) {
      std::vector<EndpointId> to = endpoints_;
      if (addressees_) addressees_->add(stored, to);
      for (const EndpointId& endpoint : to) {
        commit.batch.put(kOutboxFamily, outbox_key(endpoint, stored.number), encode_outbox({}));
        ++commit.owed[endpoint];
      }
      commit.report.owed += to.size();
    }
    const Result<std::string> trace = find_trace(alert.order.arrival.cause(), commit);
    if (!trace) return tl::unexpected(trace.error());
    if (!trace->empty()) commit.batch.put(kTraceFamily, alert_trace_key(stored.number), *trace);
    ++commit.totals.alerts;
    commit.totals.alert_bytes += value.size();
    commit.mark.order = alert.order;
    commit.mark.number = stored.number;
    ++commit.report.alerts;
  }
  ++commit.next_number;
  commit.last_order = alert.order;
  return {};
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

// With the one that was stored under the same number.
Result<void> EffectStore::compare(const StoredAlert& alert, Commit& commit) const {
  const std::uint64_t number = commit.next_number;
  const Result<std::optional<StoredAlert>> stored = reader().alert(number);
  if (!stored) return tl::unexpected(stored.error());
  if (*stored && (*stored)->id == alert.id && (*stored)->order == alert.order) return {};
  if (*stored) {
    return fail(
        Errc::kCorrupt,
        fmt::format("replay gives another alert than the stored one: number {} is {}, replay "
                    "gives {}: {}",
                    number, describe(**stored), describe(alert), kDifferenceHelp));
  }
  if (number > totals_.removed_number)
    return fail(Errc::kCorrupt, fmt::format("the alert store lacks alert number {}", number));
  if (alert.order > *mark_.order) {
    return fail(Errc::kCorrupt,
                fmt::format("replay gives too few alerts: number {} is {}, behind the last stored "
                            "one, number {} ({}): {}",
                            number, describe(alert), mark_.number, describe_order(*mark_.order),
                            kDifferenceHelp));
  }
  return {};  // retention took it away
}

Result<void> EffectStore::take(const AsideRow& row, Commit& commit) const {
  const std::uint32_t timeline = timelines_.back().ordinal;
  const std::string key = aside_key(timeline, row.arrival);
  if (key <= aside_gone_[static_cast<std::size_t>(row.kind)]) return {};
  if (commit.aside.contains({row.kind, key})) return {};
  const Result<std::optional<std::string>> stored = store_.get(family_of(row.kind), key);
  if (!stored) return tl::unexpected(stored.error());
  if (*stored) return {};
  AsideRow taken = row;
  taken.timeline = timeline;
  taken.reinjected_as = 0;
  const std::uint64_t bytes = encode_aside(taken).size();
  const bool is_late = row.kind == AsideKind::kLate;
  ++(is_late ? commit.totals.late : commit.totals.dead);
  (is_late ? commit.totals.late_bytes : commit.totals.dead_bytes) += bytes;
  commit.aside.emplace(std::pair(row.kind, key), std::move(taken));
  ++commit.report.aside;
  return {};
}

Result<void> EffectStore::take(const Reinjected& mark, Commit& commit) const {
  const std::string key = aside_key(mark.timeline, mark.arrival);
  if (const auto taken = commit.aside.find({mark.kind, key}); taken != commit.aside.end()) {
    if (taken->second.reinjected_as == 0) taken->second.reinjected_as = mark.record;
    return {};
  }
  Result<std::optional<AsideRow>> row = reader().aside_row(mark.kind, mark.timeline, mark.arrival);
  if (!row) return tl::unexpected(row.error());
  // Gone by retention, or marked before: by the same record, in replay.
  if (!*row || (*row)->reinjected_as != 0) return {};
  (*row)->reinjected_as = mark.record;
  commit.aside.emplace(std::pair(mark.kind, key), std::move(**row));
  return {};
}

Result<void> EffectStore::name_endpoint(EndpointId endpoint, std::string_view shown) {
  StoreBatch batch;
  batch.put(kMetaFamily, endpoint_key(endpoint), shown);
  return store_.write(batch, true);
}

Result<void> EffectStore::note_delivery(EndpointId endpoint, const OutboxRow& row) {
  StoreBatch batch;
  batch.put(kOutboxFamily, outbox_key(endpoint, row.number), encode_outbox(row));
  crash_point("delivery.note");
  return store_.write(batch, false);
}

Result<void> EffectStore::settle_delivery(EndpointId endpoint, std::uint64_t number) {
  const std::string key = outbox_key(endpoint, number);
  const Result<std::optional<std::string>> row = store_.get(kOutboxFamily, key);
  if (!row) return tl::unexpected(row.error());
  if (!*row) return {};
  StoreBatch batch;
  batch.remove(kOutboxFamily, key);
  crash_point("delivery.settle");
  if (Result<void> written = store_.write(batch, false); !written) return written;
  const std::lock_guard lock(mutex_);
  std::uint64_t& owed = owed_[endpoint];
  owed -= owed > 0 ? 1 : 0;  // 0: it was forgotten meanwhile
  return {};
}

Result<std::uint64_t> EffectStore::owe(EndpointId endpoint,
                                       std::span<const std::uint64_t> numbers) {
  const std::lock_guard owing(owing_);
  StoreBatch batch;
  std::uint64_t found = 0;
  std::uint64_t added = 0;
  for (const std::uint64_t number : numbers) {
    const Result<std::optional<std::string>> alert = store_.get(kAlertFamily, alert_key(number));
    if (!alert) return tl::unexpected(alert.error());
    if (!*alert) continue;
    const std::string key = outbox_key(endpoint, number);
    const Result<std::optional<std::string>> row = store_.get(kOutboxFamily, key);
    if (!row) return tl::unexpected(row.error());
    batch.put(kOutboxFamily, key, encode_outbox({}));
    added += *row ? 0 : 1;
    ++found;
  }
  if (batch.empty()) return found;
  if (Result<void> written = store_.write(batch, true); !written)
    return tl::unexpected(written.error());
  const std::lock_guard lock(mutex_);
  owed_[endpoint] += added;
  ++times_owed_[endpoint];
  return found;
}

Result<void> EffectStore::forget_endpoint(EndpointId endpoint, StoreBatch also) {
  const std::lock_guard owing(owing_);
  const std::string first = outbox_key(endpoint, 0);
  also.remove_range(kOutboxFamily, first, outbox_key(endpoint, UINT64_MAX));
  also.remove(kMetaFamily, endpoint_key(endpoint));
  if (Result<void> written = store_.write(also, true); !written) return written;
  const std::lock_guard lock(mutex_);
  owed_.erase(endpoint);
  times_owed_.erase(endpoint);
  return {};
}

std::uint64_t EffectStore::times_owed(EndpointId endpoint) const {
  const std::lock_guard lock(mutex_);
  const auto found = times_owed_.find(endpoint);
  return found == times_owed_.end() ? 0 : found->second;
}

std::uint64_t EffectStore::owed(EndpointId endpoint) const {
  const std::lock_guard lock(mutex_);
  const auto found = owed_.find(endpoint);
  return found == owed_.end() ? 0 : found->second;
}
}  // namespace tocsin::runtime
