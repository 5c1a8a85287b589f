// Rows of the effect store that are stored otherwise than they came: what was erased of them.
#include "cep/base/assert.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_store.h"
#include "runtime/io/crash_point.h"

namespace tocsin::runtime {
// Commits and retention hold the lock too: totals are theirs.
Result<std::optional<std::uint64_t>> EffectStore::change_alerts(
    std::uint64_t from, std::size_t rows_max, const std::function<bool(StoredAlert&)>& change) {
  const std::lock_guard owing(owing_);
  StoreBatch batch;
  EffectTotals totals = totals_;
  std::size_t rows = 0;
  std::optional<std::uint64_t> next;
  Result<void> damage;
  const Result<void> scanned = store_.scan(
      kAlertFamily, {.begin = alert_key(from)}, [&](std::string_view key, std::string_view value) {
        Result<StoredAlert> alert = decode_alert(key, value);
        if (!alert) {
          damage = tl::unexpected(alert.error());
          return false;
        }
        if (rows++ == rows_max) {
          next = alert->number;
          return false;
        }
        if (!change(*alert)) return true;
        const std::optional<AlertId> id = read_alert_id(alert->id);
        TOCSIN_ASSERT(id.has_value(), "alert ids are 32 hex digits");
        totals.alert_bytes -= value.size();
        totals.alert_bytes += batch.put_written(
            kAlertFamily, key, [&](ByteWriter& to) { write_alert(to, *alert, *id); });
        return true;
      });
  if (!scanned) return tl::unexpected(scanned.error());
  if (!damage) return tl::unexpected(damage.error());
  if (batch.empty()) return next;
  batch.put(kMetaFamily, kTotalsKey, encode_totals(totals));
  crash_point("effects.changed");
  if (Result<void> written = store_.write(batch, true); !written) {
    return tl::unexpected(written.error());
  }
  totals_ = totals;
  return next;
}

Result<std::optional<std::string>> EffectStore::change_side_output(
    SideOutputKind kind, const std::string& from, std::size_t rows_max,
    const std::function<bool(SideOutputRow&)>& change) {
  const std::lock_guard owing(owing_);
  StoreBatch batch;
  EffectTotals totals = totals_;
  std::uint64_t& bytes = kind == SideOutputKind::kLate ? totals.late_bytes : totals.dead_bytes;
  std::size_t rows = 0;
  std::optional<std::string> next;
  Result<void> damage;
  const Result<void> scanned = store_.scan(
      family_of(kind), {.begin = from}, [&](std::string_view key, std::string_view value) {
        Result<SideOutputRow> row = decode_side_output(kind, key, value);
        if (!row) {
          damage = tl::unexpected(row.error());
          return false;
        }
        if (rows++ == rows_max) {
          next = std::string(key);
          return false;
        }
        if (!change(*row)) return true;
        const std::string changed = encode_side_output(*row);
        bytes -= value.size();
        bytes += changed.size();
        batch.put(family_of(kind), key, changed);
        return true;
      });
  if (!scanned) return tl::unexpected(scanned.error());
  if (!damage) return tl::unexpected(damage.error());
  if (batch.empty()) return next;
  batch.put(kMetaFamily, kTotalsKey, encode_totals(totals));
  crash_point("effects.changed");
  if (Result<void> written = store_.write(batch, true); !written) {
    return tl::unexpected(written.error());
  }
  totals_ = totals;
  return next;
}
}  // namespace tocsin::runtime
