#include "runtime/effects/effect_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/value/identity.h"
#include "runtime/effects/effect_codec.h"

namespace tocsin::runtime {
namespace {
/// Scans, decodes and hands on; the first damage ends it.
template <typename Decode, typename Visit>
Result<void> visit_rows(const StoreReader& store, StoreFamily family, const StoreRange& range,
                        const Decode& decode, const Visit& visit) {
  Result<void> outcome;
  const Result<void> scanned =
      store.scan(family, range, [&](std::string_view key, std::string_view value) {
        auto row = decode(key, value);
        if (!row) {
          outcome = tl::unexpected(row.error());
          return false;
        }
        return visit(std::move(*row));
      });
  return scanned ? outcome : scanned;
}
template <typename Decode>
auto single(const StoreReader& store, std::string_view key, const Decode& decode)
    -> decltype(decode(std::string_view())) {
  const Result<std::optional<std::string>> value = store.get(kMetaFamily, key);
  if (!value) return tl::unexpected(value.error());
  if (!*value) return fail(Errc::kCorrupt, fmt::format("the alert store lacks its `{}`", key));
  return decode(std::string_view(**value));
}
}  // namespace

std::vector<std::string> effect_families() {
  return {"default", "alerts",        "alert_ids",  "outbox",  "late",    "dead",
          "triage",  "subscriptions", "deliveries", "notices", "answers", "audit",
          "traces",  "withheld",      "messages",   "silences"};
}

Result<EffectReader> EffectReader::open(const StoreReader& store) {
  const Result<std::optional<std::string>> value = store.get(kMetaFamily, kFormatKey);
  if (!value) return tl::unexpected(value.error());
  if (!*value) return fail(Errc::kNotFound, "the alert store is empty");
  const Result<EffectFormat> format = decode_format(**value);
  if (!format) return tl::unexpected(format.error());
  if (format->format < kEffectFormat || format->format > kInboxFormat) {
    return fail(
        Errc::kOtherVersion,
        fmt::format("the alert store has format {}, and this program knows formats up to {}: use "
                    "the version of tocsin that wrote it, or a later one",
                    format->format, kInboxFormat));
  }
  return EffectReader(store);
}

Result<void> EffectReader::alerts(std::uint64_t from, const AlertVisitor& visit) const {
  // Retention leaves a trail of removed rows before the first one.
  const Result<EffectTotals> kept = totals();
  if (!kept) return tl::unexpected(kept.error());
  return visit_rows(*store_, kAlertFamily, {.begin = alert_key(std::max(from, kept->first_number))},
                    decode_alert, visit);
}

Result<void> EffectReader::alerts_before(std::uint64_t from, const AlertVisitor& visit) const {
  const Result<EffectTotals> kept = totals();
  if (!kept) return tl::unexpected(kept.error());
  StoreRange range;
  range.begin = alert_key(kept->first_number);
  if (from != UINT64_MAX) range.end = alert_key(from + 1);
  range.is_descending = true;
  return visit_rows(*store_, kAlertFamily, range, decode_alert, visit);
}

Result<std::optional<StoredAlert>> EffectReader::alert(std::uint64_t number) const {
  const std::string key = alert_key(number);
  const Result<std::optional<std::string>> value = store_->get(kAlertFamily, key);
  if (!value) return tl::unexpected(value.error());
  if (!*value) return std::nullopt;
  Result<StoredAlert> alert = decode_alert(key, **value);
  if (!alert) return tl::unexpected(alert.error());
  return std::move(*alert);
}

Result<std::string> EffectReader::trace_of(std::uint64_t number) const {
  Result<std::optional<std::string>> value = store_->get(kTraceFamily, alert_trace_key(number));
  if (!value) return tl::unexpected(value.error());
  return std::move(*value).value_or(std::string());
}

Result<std::vector<std::uint64_t>> EffectReader::numbers_of(std::string_view id) const {
  std::vector<std::uint64_t> numbers;
  const std::optional<std::string> prefix = alert_id_prefix(id);
  if (!prefix) return numbers;
  const Result<void> scanned = visit_rows(
      *store_, kAlertIdFamily, StoreRange::of_prefix(*prefix),
      [&](std::string_view key, std::string_view) { return decode_number(key, prefix->size()); },
      [&](std::uint64_t number) {
        numbers.push_back(number);
        return true;
      });
  if (!scanned) return tl::unexpected(scanned.error());
  return numbers;
}

Result<void> EffectReader::side_output(SideOutputKind kind, const SideOutputVisitor& visit,
                                       const std::optional<SideOutputPlace>& after) const {
  const Result<std::optional<std::string>> gone = store_->get(kMetaFamily, gone_key_of(kind));
  if (!gone) return tl::unexpected(gone.error());
  StoreRange range;
  if (*gone) range.begin = **gone;
  if (after) {
    range.begin = std::max(range.begin, side_output_key(after->timeline, after->arrival) + '\0');
  }
  return visit_rows(
      *store_, family_of(kind), range,
      [&](std::string_view key, std::string_view value) {
        return decode_side_output(kind, key, value);
      },
      visit);
}

Result<std::optional<SideOutputRow>> EffectReader::side_output_row(
    SideOutputKind kind, std::uint32_t timeline, cep::ArrivalNumber arrival) const {
  const std::string key = side_output_key(timeline, arrival);
  const Result<std::optional<std::string>> value = store_->get(family_of(kind), key);
  if (!value) return tl::unexpected(value.error());
  if (!*value) return std::nullopt;
  Result<SideOutputRow> row = decode_side_output(kind, key, **value);
  if (!row) return tl::unexpected(row.error());
  return std::move(*row);
}

Result<void> EffectReader::outbox(EndpointId endpoint, std::uint64_t from,
                                  const OutboxVisitor& visit) const {
  const std::string first = outbox_key(endpoint, 0);
  StoreRange range = StoreRange::of_prefix(std::string_view(first).substr(0, first.size() - 8));
  range.begin = outbox_key(endpoint, from);
  return visit_rows(*store_, kOutboxFamily, range, decode_outbox, visit);
}

Result<std::vector<WithheldRow>> EffectReader::withheld(std::uint64_t number) const {
  std::vector<WithheldRow> rows;
  const Result<void> scanned =
      visit_rows(*store_, kWithheldFamily, StoreRange::of_prefix(alert_key(number)),
                 decode_withheld, [&](WithheldRow row) {
                   rows.push_back(std::move(row));
                   return true;
                 });
  if (!scanned) return tl::unexpected(scanned.error());
  return rows;
}

Result<std::vector<EndpointRow>> EffectReader::endpoints() const {
  std::vector<EndpointRow> rows;
  Result<void> scanned =
      store_->scan(kMetaFamily, StoreRange::of_prefix(kEndpointPrefix),
                   [&](std::string_view key, std::string_view value) {
                     EndpointRow row;
                     key.remove_prefix(kEndpointPrefix.size());
                     for (std::size_t i = 0; i < std::min(key.size(), row.id.bytes.size()); ++i)
                       row.id.bytes[i] = static_cast<std::uint8_t>(key[i]);
                     row.shown = value;
                     rows.push_back(std::move(row));
                     return true;
                   });
  for (std::size_t i = 0; scanned && i < rows.size(); ++i) {
    scanned = outbox(rows[i].id, 0, [&](const OutboxRow&) {
      ++rows[i].owed;
      return true;
    });
  }
  if (!scanned) return tl::unexpected(scanned.error());
  return rows;
}

Result<std::vector<InboxPlace>> EffectReader::inbox_places() const {
  std::vector<InboxPlace> places;
  const Result<void> scanned =
      visit_rows(*store_, kMetaFamily, StoreRange::of_prefix(kInboxPlacePrefix), decode_inbox_place,
                 [&](InboxPlace place) {
                   places.push_back(std::move(place));
                   return true;
                 });
  if (!scanned) return tl::unexpected(scanned.error());
  return places;
}

Result<EmittedMark> EffectReader::mark() const { return single(*store_, kMarkKey, decode_mark); }
Result<std::uint64_t> EffectReader::cause() const {
  const Result<std::optional<std::string>> value = store_->get(kMetaFamily, kCauseKey);
  if (!value) return tl::unexpected(value.error());
  if (!*value) return 0;
  return decode_cause(**value);
}
Result<EffectTotals> EffectReader::totals() const {
  return single(*store_, kTotalsKey, decode_totals);
}
Result<std::vector<TimelineRow>> EffectReader::timelines() const {
  std::vector<TimelineRow> rows;
  const Result<void> scanned =
      visit_rows(*store_, kMetaFamily, StoreRange::of_prefix(kTimelinePrefix), decode_timeline,
                 [&](TimelineRow row) {
                   rows.push_back(std::move(row));
                   return true;
                 });
  if (!scanned) return tl::unexpected(scanned.error());
  return rows;
}
}  // namespace tocsin::runtime
