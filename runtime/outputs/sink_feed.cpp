#include "runtime/outputs/sink_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cep/plan/severity.h"
#include "cep/value/identity.h"
#include "cep/value/key.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/io/topic_partition.h"

namespace tocsin::runtime {
namespace {
constexpr std::size_t kIdBytes = 16;

SideOutputKind kind_of(SinkStream stream) {
  return stream == SinkStream::kLate ? SideOutputKind::kLate : SideOutputKind::kDead;
}

// Alerts with one key lie in one partition, in their order.
TopicMessage message_of(const StoredAlert& alert, std::string value, const std::string& trace) {
  TopicMessage message;
  message.key = alert.id;
  message.value = std::move(value);
  message.headers = {{"tocsin-rule", alert.rule},
                     {"tocsin-severity", std::string(cep::severity_name(alert.severity))},
                     {"tocsin-stage", alert.is_live ? "live" : "shadow"}};
  if (alert.revision > 0)
    message.headers.emplace_back("tocsin-revision", std::to_string(alert.revision));
  if (!trace.empty()) message.headers.emplace_back("traceparent", trace);
  message.spread = cep::key_group(alert.order.key).value;
  return message;
}

// The same for the same line of the same input, whichever number it has.
std::string row_id(const SideOutputRow& row) {
  const cep::Digest digest = cep::sha256(
      fmt::format("tocsin side output\n{}\n{}\n{}\n{}", name_of(stream_of(row.kind)),
                  row.source.size(), row.source + ":" + std::to_string(row.line), row.text));
  return cep::hex(std::span(digest).first<kIdBytes>());
}

// Lines of one input lie in one partition, those of a topic's partition in that of its number.
TopicMessage message_of(const SideOutputRow& row) {
  TopicMessage message;
  message.key = row_id(row);
  message.value = row.text;
  const std::optional<TopicPartition> partition = parse_partition_source(row.source);
  message.headers = {{"tocsin-source", row.source}};
  if (partition) {
    message.headers.emplace_back("tocsin-offset", std::to_string(message_offset(row.line)));
  } else {
    message.headers.emplace_back("tocsin-line", std::to_string(row.line));
  }
  message.headers.emplace_back("tocsin-arrival",
                               fmt::format("{}:{}", row.arrival.record, row.arrival.index));
  if (row.kind == SideOutputKind::kLate) {
    message.headers.emplace_back("tocsin-late-us", std::to_string(row.late_by.us));
  } else {
    message.headers.emplace_back("tocsin-reason", row.reason);
  }
  message.spread = partition ? partition->number : cep::key_group(row.source).value;
  return message;
}

bool is_full(const SinkBatch& batch, std::size_t bytes, const SinkFeedLimits& limits) {
  return batch.messages.size() >= limits.messages_max || bytes >= limits.bytes_max;
}

Result<SinkBatch> read_alerts(const StoreReader& store, std::uint64_t after, bool with_shadow,
                              const SinkFeedLimits& limits, const ShownAlert& shown) {
  SinkBatch batch;
  batch.last = after;
  const Result<EffectReader> reader = EffectReader::open(store);
  if (!reader) {
    if (reader.error().code == Errc::kNotFound) return batch;
    return tl::unexpected(reader.error());
  }
  std::size_t bytes = 0;
  Result<void> traced;
  const Result<void> read = reader->alerts(after + 1, [&](const StoredAlert& alert) {
    if (is_full(batch, bytes, limits)) return false;
    // What a topic brought is in a topic.
    const bool is_own = alert.repeat_of == 0 && !is_from_topic(alert);
    if ((alert.is_live || with_shadow) && is_own) {
      const Result<std::string> trace = reader->trace_of(alert.number);
      if (!trace) {
        traced = tl::unexpected(trace.error());
        return false;
      }
      batch.messages.push_back(message_of(alert, shown ? shown(alert) : alert.line, *trace));
      bytes += batch.messages.back().value.size();
    }
    batch.last = alert.number;
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  if (!traced) return tl::unexpected(traced.error());
  return batch;
}

// The rows that are owed, from the one after `after` on.
StoreRange rows_after(SinkStream stream, std::uint64_t after) {
  StoreRange range = StoreRange::of_prefix(sink_key(stream) + "/");
  range.begin = sink_row_key(stream, after + 1);
  return range;
}
std::uint64_t number_of(std::string_view key) {
  return read_key_u64(key.substr(key.size() - sizeof(std::uint64_t)));
}

Result<SinkBatch> read_rows(const StoreReader& store, SinkStream stream, std::uint64_t after,
                            const SinkFeedLimits& limits) {
  SinkBatch batch;
  batch.last = after;
  std::size_t bytes = 0;
  Result<void> damage;
  const Result<void> read =
      store.scan(kMetaFamily, rows_after(stream, after), [&](std::string_view key, auto value) {
        if (is_full(batch, bytes, limits)) return false;
        const Result<SideOutputRow> row = decode_sink_row(kind_of(stream), value);
        if (!row) {
          damage = tl::unexpected(row.error());
          return false;
        }
        batch.messages.push_back(message_of(*row));
        bytes += row->text.size();
        batch.last = number_of(key);
        return true;
      });
  if (!read) return tl::unexpected(read.error());
  if (!damage) return tl::unexpected(damage.error());
  return batch;
}
}  // namespace

Result<SinkBatch> read_sink_batch(const StoreReader& store, SinkStream stream, std::uint64_t after,
                                  bool with_shadow, const SinkFeedLimits& limits,
                                  const ShownAlert& shown) {
  return stream == SinkStream::kAlerts ? read_alerts(store, after, with_shadow, limits, shown)
                                       : read_rows(store, stream, after, limits);
}

Result<SinkDebt> read_sink_debt(const StoreReader& store, SinkStream stream, const SinkMark& mark) {
  SinkDebt debt;
  Result<std::uint64_t> last = mark.number;
  Result<void> read;
  if (stream == SinkStream::kAlerts) {
    const Result<EffectReader> reader = EffectReader::open(store);
    if (!reader) {
      if (reader.error().code == Errc::kNotFound) return debt;
      return tl::unexpected(reader.error());
    }
    const Result<EmittedMark> emitted = reader->mark();
    if (!emitted) return tl::unexpected(emitted.error());
    last = std::max(mark.number, emitted->number);
    read = reader->alerts(mark.number + 1, [&](const StoredAlert& alert) {
      debt.oldest_at = alert.stored_at;
      return false;
    });
  } else {
    last = last_sink_row(store, stream, mark);
    read = store.scan(kMetaFamily, rows_after(stream, mark.number),
                      [&](std::string_view, std::string_view value) {
                        const auto row = decode_sink_row(kind_of(stream), value);
                        if (row) debt.oldest_at = row->taken_at;
                        return false;
                      });
  }
  if (!read) return tl::unexpected(read.error());
  if (!last) return tl::unexpected(last.error());
  debt.owed = *last - mark.number;
  return debt;
}
}  // namespace tocsin::runtime
