/// The partitions of topics as sources of lines: a message is a line, whose number is the message's
/// offset and 1.
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tocsin::runtime {
/// What the names of sources that are partitions begin with; no topic's name has a slash.
inline constexpr std::string_view kPartitionPrefix = "kafka:";

struct TopicPartition {
  std::string topic;
  std::uint32_t number = 0;
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};
/// "payments/3", as messages name it.
std::string partition_name(const TopicPartition& partition);
/// "kafka:payments/3", as a source.
std::string partition_source(const TopicPartition& partition);
/// Nothing for a source that is no partition.
std::optional<TopicPartition> parse_partition_source(std::string_view source);
/// The same of what partition_name() gives.
std::optional<TopicPartition> parse_partition(std::string_view name);
inline bool is_partition(std::string_view source) { return source.starts_with(kPartitionPrefix); }

/// The offset of the message that is line `line` of a partition.
constexpr std::uint64_t message_offset(std::uint64_t line) { return line - 1; }
/// Where a line stands: "FILE:LINE", or "kafka:payments/3 at offset 17".
std::string line_place(std::string_view source, std::uint64_t line);
}  // namespace tocsin::runtime
