// What the effect store keeps how long.
#include <algorithm>
#include <utility>

#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_store.h"
#include "runtime/io/crash_point.h"

namespace tocsin::runtime {
namespace {
constexpr cep::Duration kPause{10'000'000};  // between two passes

bool is_too_old(const Retention& kept, cep::EventTime at, cep::EventTime now) {
  return kept.age_max && at < now - *kept.age_max;
}
bool is_too_much(const Retention& kept, std::uint64_t bytes) {
  return kept.bytes_max && bytes > *kept.bytes_max;
}
}  // namespace

Result<bool> EffectStore::retain(const RetentionPolicy& policy, std::size_t rows_max) {
  const cep::EventTime now = clock_.now();
  // After the clock was set back, a pass runs at once.
  if (retained_at_ && now >= *retained_at_ && now < *retained_at_ + kPause) return true;
  retained_at_.reset();
  Result<bool> alerts = retain_alerts(policy, now, rows_max);
  if (!alerts) return alerts;
  bool is_done = *alerts;
  for (const SideOutputKind kind : {SideOutputKind::kLate, SideOutputKind::kDead}) {
    Result<bool> side_output = retain_side_output(kind, policy.side_output, now, rows_max);
    if (!side_output) return side_output;
    is_done = is_done && *side_output;
  }
  Result<bool> traces = retain_traces(policy.traces_max, rows_max);
  if (!traces) return traces;
  is_done = is_done && *traces;
  if (is_done) {
    retain_from_ = 0;
    retained_at_ = now;
  }
  return is_done;
}

// The oldest go, which are those of the oldest timelines first.
Result<bool> EffectStore::retain_traces(std::uint64_t traces_max, std::size_t rows_max) {
  if (event_traces_ <= traces_max) return true;
  const std::uint64_t most = std::min<std::uint64_t>(event_traces_ - traces_max, rows_max);
  StoreBatch batch;
  std::uint64_t count = 0;
  const Result<void> read =
      store_.scan(kTraceFamily, StoreRange::of_prefix("r"), [&](std::string_view key, auto) {
        batch.remove(kTraceFamily, key);
        return ++count < most;
      });
  if (!read) return tl::unexpected(read.error());
  if (Result<void> written = store_.write(batch, false); !written)
    return tl::unexpected(written.error());
  event_traces_ -= count;
  return count == 0 || event_traces_ <= traces_max;
}

// The alerts in [first, last] that are owed to somebody.
Result<std::set<std::uint64_t>> EffectStore::owed_between(std::uint64_t first,
                                                          std::uint64_t last) const {
  std::vector<EndpointId> endpoints;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [endpoint, count] : owed_) {
      if (count > 0) endpoints.push_back(endpoint);
    }
  }
  std::set<std::uint64_t> owed;
  for (const EndpointId& endpoint : endpoints) {
    const Result<void> read = reader().outbox(endpoint, first, [&](const OutboxRow& row) {
      if (row.number > last) return false;
      owed.insert(row.number);
      return true;
    });
    if (!read) return tl::unexpected(read.error());
  }
  return owed;
}

Result<bool> EffectStore::retain_alerts(const RetentionPolicy& policy, cep::EventTime now,
                                        std::size_t rows_max) {
  const Retention& kept = policy.alerts;
  if (!kept.age_max && !kept.bytes_max) return true;
  const std::lock_guard owing(owing_);
  struct Row {
    std::uint64_t number;
    AlertId id;
    std::uint64_t bytes;
  };
  std::vector<Row> rows;  // that may go if nobody is owed them
  std::uint64_t bytes_left = totals_.alert_bytes;
  bool is_done = true;
  const std::uint64_t from = std::max(retain_from_, totals_.first_number);
  Result<void> damage;
  const Result<void> scanned = store_.scan(
      kAlertFamily, {.begin = alert_key(from)}, [&](std::string_view key, std::string_view value) {
        Result<StoredAlert> alert = decode_alert(key, value);
        if (!alert) {
          damage = tl::unexpected(alert.error());
          return false;
        }
        if (!is_too_old(kept, alert->stored_at, now) && !is_too_much(kept, bytes_left))
          return false;
        if (alert->number >= policy.alerts_needed_from) return false;
        if (rows.size() == rows_max) {
          is_done = false;
          return false;
        }
        bytes_left -= value.size();
        rows.push_back({alert->number, read_alert_id(alert->id).value_or(AlertId()), value.size()});
        return true;
      });
  if (!scanned) return tl::unexpected(scanned.error());
  if (!damage) return tl::unexpected(damage.error());
  if (rows.empty()) return true;
  const Result<std::set<std::uint64_t>> owed =
      owed_between(rows.front().number, rows.back().number);
  if (!owed) return tl::unexpected(owed.error());
  StoreBatch batch;
  EffectTotals totals = totals_;
  std::string id_key;
  std::uint64_t run = rows.front().number;  // the first of a run of numbers that go
  const auto end_run = [&](std::uint64_t next) {
    batch.remove_range(kWithheldFamily, alert_key(run), alert_key(next));
  };
  for (const Row& row : rows) {
    if (owed->contains(row.number)) {
      if (run < row.number) end_run(row.number);
      run = row.number + 1;
      continue;
    }
    batch.remove(kAlertFamily, alert_key(row.number));
    id_key.clear();
    append_alert_id_key(id_key, row.id, row.number);
    batch.remove(kAlertIdFamily, id_key);
    if (has_traces_) batch.remove(kTraceFamily, alert_trace_key(row.number));
    --totals.alerts;
    totals.alert_bytes -= row.bytes;
    totals.removed_number = std::max(totals.removed_number, row.number);
  }
  if (run <= rows.back().number && !batch.empty()) end_run(rows.back().number + 1);
  // Rows before the first of this chunk are gone, unless one of them was owed.
  if (from == totals.first_number)
    totals.first_number = owed->empty() ? rows.back().number + 1 : *owed->begin();
  retain_from_ = rows.back().number + 1;
  if (!batch.empty()) {
    batch.put(kMetaFamily, kTotalsKey, encode_totals(totals));
    crash_point("effects.retention");
    if (Result<void> written = store_.write(batch, false); !written)
      return tl::unexpected(written.error());
    totals_ = totals;
  }
  // Alerts that are still owed are not removed; later ones may be removed instead.
  return is_done && (owed->empty() || !is_too_much(kept, totals_.alert_bytes));
}

Result<bool> EffectStore::retain_side_output(SideOutputKind kind, const Retention& kept,
                                             cep::EventTime now, std::size_t rows_max) {
  if (!kept.age_max && !kept.bytes_max) return true;
  const std::lock_guard owing(owing_);
  const bool is_late = kind == SideOutputKind::kLate;
  EffectTotals totals = totals_;
  std::uint64_t& rows = is_late ? totals.late : totals.dead;
  std::uint64_t& bytes = is_late ? totals.late_bytes : totals.dead_bytes;
  std::string& gone = side_output_gone_[static_cast<std::size_t>(kind)];
  std::string last;
  StoreBatch batch;
  std::size_t removed = 0;
  bool is_done = true;
  Result<void> damage;
  const Result<void> scanned = store_.scan(
      family_of(kind), {.begin = gone}, [&](std::string_view key, std::string_view value) {
        const Result<SideOutputRow> row = decode_side_output(kind, key, value);
        if (!row) {
          damage = tl::unexpected(row.error());
          return false;
        }
        if (!is_too_old(kept, row->taken_at, now) && !is_too_much(kept, bytes)) return false;
        if (removed == rows_max) {
          is_done = false;
          return false;
        }
        batch.remove(family_of(kind), key);
        --rows;
        bytes -= value.size();
        // What may come again in a replay is known by it; messages of topics do not.
        if (!is_from_inbox(*row)) last = key;
        ++removed;
        return true;
      });
  if (!scanned) return tl::unexpected(scanned.error());
  if (!damage) return tl::unexpected(damage.error());
  if (removed == 0) return true;
  batch.put(kMetaFamily, kTotalsKey, encode_totals(totals));
  if (!last.empty()) batch.put(kMetaFamily, gone_key_of(kind), last);
  crash_point("effects.retention");
  if (Result<void> written = store_.write(batch, false); !written)
    return tl::unexpected(written.error());
  totals_ = totals;
  if (!last.empty()) gone = std::move(last);
  return is_done;
}
}  // namespace tocsin::runtime
