#include "runtime/io/topic_partition.h"

#include <fmt/format.h>

#include <charconv>

namespace tocsin::runtime {
std::string partition_name(const TopicPartition& partition) {
  return fmt::format("{}/{}", partition.topic, partition.number);
}

std::string partition_source(const TopicPartition& partition) {
  return fmt::format("{}{}", kPartitionPrefix, partition_name(partition));
}

std::optional<TopicPartition> parse_partition(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  if (slash == 0 || slash == std::string_view::npos) return std::nullopt;
  TopicPartition partition{std::string(name.substr(0, slash)), 0};
  const char* const end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + slash + 1, end, partition.number);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return partition;
}

std::optional<TopicPartition> parse_partition_source(std::string_view source) {
  if (!is_partition(source)) return std::nullopt;
  return parse_partition(source.substr(kPartitionPrefix.size()));
}

std::string line_place(std::string_view source, std::uint64_t line) {
  if (is_partition(source)) return fmt::format("{} at offset {}", source, message_offset(line));
  return fmt::format("{}:{}", source, line);
}
}  // namespace tocsin::runtime
