/// What is owed to topics (sinks): up to where each was written, and the late events and dead
/// letters that wait for it. In the family of single facts of the alert store:
///
///   "sink/" name                    the mark; while it is there, the stream is owed to its topic
///   "sink/" name "/" u64 number     a late event or dead letter that is owed; of its own, as its
///                                   place among the stored ones is not the order of storing
///
/// Alerts are owed by their numbers alone. docs/decisions/0053-kafka-sinks.md draws the values.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "cep/base/result.h"
#include "runtime/effects/effects.h"
#include "runtime/store/store.h"

namespace tocsin::runtime {
enum class SinkStream : std::uint8_t { kAlerts, kLate, kDead };
inline constexpr std::array<SinkStream, 3> kSinkStreams = {SinkStream::kAlerts, SinkStream::kLate,
                                                           SinkStream::kDead};
/// "alerts", "late", "dead".
std::string_view name_of(SinkStream stream);
constexpr SinkStream stream_of(SideOutputKind kind) {
  return kind == SideOutputKind::kLate ? SinkStream::kLate : SinkStream::kDead;
}

struct SinkMark {
  std::string topic;
  std::string writer;  // who wrote to it (TopicSinkOptions::writer)
  /// Everything up to this number is in the topic, or need not be.
  std::uint64_t number = 0;
  /// By partition: the offset from which on the topic may have messages of `writer` that are behind
  /// `number` and not among `present`. Empty: the topic was not opened yet.
  std::map<std::uint32_t, std::uint64_t> places;
  /// Keys of messages behind `number` that the topic has before these places; how often.
  std::map<std::string, std::uint32_t> present;
  friend bool operator==(const SinkMark&, const SinkMark&) = default;
};
std::string sink_key(SinkStream stream);
std::string encode_sink_mark(const SinkMark& mark);
/// Nothing where the stream is owed to nobody. Errors of all below: kCorrupt, kIo.
Result<std::optional<SinkMark>> read_sink_mark(const StoreReader& store, SinkStream stream);

std::string sink_row_key(SinkStream stream, std::uint64_t number);
std::string encode_sink_row(const SideOutputRow& row);
Result<SideOutputRow> decode_sink_row(SideOutputKind kind, std::string_view value);
/// By SideOutputKind: the last number that was given to a row that is owed; nothing: none is owed.
using LastSinkRows = std::array<std::optional<std::uint64_t>, 2>;
Result<LastSinkRows> last_sink_rows(const StoreReader& store);
/// The last number that was given to a row that is owed, or to what the mark has behind it.
Result<std::uint64_t> last_sink_row(const StoreReader& store, SinkStream stream,
                                    const SinkMark& mark);
}  // namespace tocsin::runtime
