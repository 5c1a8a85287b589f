// Rows of the effect store that are stored otherwise than they came: what was erased of them.
#include "cep/base/assert.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_store.h"
#include "runtime/io/crash_point.h"

namespace tocsin::runtime {
namespace {
// Gives `change` rows from `begin` on, by key and value, `rows_max` at most; an error ends it.
// Gives the key to go on at; nothing at the end.
template <typename Change>
Result<std::optional<std::string>> scan_rows(const Store& store, StoreFamily family,
                                             const std::string& begin, std::size_t rows_max,
                                             const Change& change) {
  std::size_t rows = 0;
  std::optional<std::string> next;
  Result<void> changed;
  const Result<void> scanned =
      store.scan(family, {.begin = begin}, [&](std::string_view key, std::string_view value) {
        if (rows++ == rows_max) {
          next = std::string(key);
          return false;
        }
        changed = change(key, value);
        return changed.has_value();
      });
  if (!scanned) return tl::unexpected(scanned.error());
  if (!changed) return tl::unexpected(changed.error());
  return next;
}
}  // namespace

// Commits and retention hold the lock too: totals are theirs.
Result<std::optional<std::uint64_t>> EffectStore::change_alerts(
    std::uint64_t from, std::size_t rows_max, const std::function<bool(StoredAlert&)>& change) {
  const std::lock_guard owing(owing_);
  StoreBatch batch;
  EffectTotals totals = totals_;
  const auto next =
      scan_rows(store_, kAlertFamily, alert_key(from), rows_max,
                [&](std::string_view key, std::string_view value) -> Result<void> {
                  Result<StoredAlert> alert = decode_alert(key, value);
                  if (!alert) return tl::unexpected(alert.error());
                  if (!change(*alert)) return {};
                  const std::optional<AlertId> id = read_alert_id(alert->id);
                  TOCSIN_ASSERT(id.has_value(), "alert ids are 32 hex digits");
                  totals.alert_bytes -= value.size();
                  totals.alert_bytes += batch.put_written(
                      kAlertFamily, key, [&](ByteWriter& to) { write_alert(to, *alert, *id); });
                  return {};
                });
  if (!next) return tl::unexpected(next.error());
  if (auto written = write_changed(batch, totals); !written) return tl::unexpected(written.error());
  if (!*next) return std::nullopt;
  if ((*next)->size() != sizeof(std::uint64_t))
    return fail(Errc::kCorrupt, "an alert's key is damaged");
  return read_key_u64(**next);
}

Result<std::optional<std::string>> EffectStore::change_side_output(
    SideOutputKind kind, const std::string& from, std::size_t rows_max,
    const std::function<bool(SideOutputRow&)>& change) {
  const std::lock_guard owing(owing_);
  StoreBatch batch;
  EffectTotals totals = totals_;
  std::uint64_t& bytes = kind == SideOutputKind::kLate ? totals.late_bytes : totals.dead_bytes;
  auto next = scan_rows(store_, family_of(kind), from, rows_max,
                        [&](std::string_view key, std::string_view value) -> Result<void> {
                          Result<SideOutputRow> row = decode_side_output(kind, key, value);
                          if (!row) return tl::unexpected(row.error());
                          if (!change(*row)) return {};
                          const std::string changed = encode_side_output(*row);
                          bytes -= value.size();
                          bytes += changed.size();
                          batch.put(family_of(kind), key, changed);
                          return {};
                        });
  if (!next) return next;
  if (auto written = write_changed(batch, totals); !written) return tl::unexpected(written.error());
  return next;
}

Result<void> EffectStore::write_changed(StoreBatch& batch, const EffectTotals& totals) {
  if (batch.empty()) return {};
  batch.put(kMetaFamily, kTotalsKey, encode_totals(totals));
  crash_point("effects.changed");
  Result<void> written = store_.write(batch, true);
  if (written) totals_ = totals;
  return written;
}
}  // namespace tocsin::runtime
