#include "runtime/kafka/kafka_properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

namespace tocsin::runtime {
namespace {
// Names that are not to be set, each with the reason.
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kReserved = {{
    {"bootstrap.servers", "brokers are named by kafka.brokers"},
    {"metadata.broker.list", "brokers are named by kafka.brokers"},
    {"group.id", "the group is named by kafka.group"},
    {"allow.auto.create.topics", "Tocsin creates no topics by reading them"},
    {"auto.offset.reset", "messages that are missing always end the reading"},
    {"enable.auto.commit", "positions are kept in the data directory"},
    {"auto.commit.enable", "positions are kept in the data directory"},
    {"enable.auto.offset.store", "positions are kept in the data directory"},
    {"enable.partition.eof", "Tocsin must know where a partition ends"},
    {"enable.idempotence", "what Tocsin writes is always written once"},
    {"statistics.interval.ms", "Tocsin must know whether brokers answer"},
}};

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

tl::unexpected<Error> refuse(const std::string& place, std::string_view why) {
  return fail(Errc::kInvalidArgument, fmt::format("{}: {}", place, why));
}
}  // namespace

Result<KafkaProperties> parse_kafka_properties(std::string_view text, const std::string& path) {
  KafkaProperties properties;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::string place = fmt::format("{}:{}", path, number);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return refuse(place, "a line is NAME = VALUE, as in security.protocol = SASL_SSL");
    KafkaProperty property{std::string(trim(line.substr(0, equals))),
                           std::string(trim(line.substr(equals + 1))), place};
    const auto reserved = std::ranges::find(kReserved, property.name,
                                            [](const auto& row) { return std::string(row.first); });
    if (reserved != kReserved.end()) {
      return refuse(place,
                    fmt::format("{} is not to be set here: {}", property.name, reserved->second));
    }
    const auto before = std::ranges::find(properties, property.name, &KafkaProperty::name);
    if (before != properties.end()) {
      return refuse(place, fmt::format("{} was set before, at {}", property.name, before->place));
    }
    properties.push_back(std::move(property));
  }
  return properties;
}

Result<void> check_writer_properties(const KafkaProperties& properties) {
  // Each with the values that it may have.
  constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kAcks = {
      {{"acks", "all"}, {"request.required.acks", "all"}}};
  for (const KafkaProperty& property : properties) {
    if (property.name == "transactional.id")
      return refuse(property.place, "transactional.id is not to be set: kafka.writer names it");
    const auto acks = std::ranges::find(kAcks, std::string_view(property.name),
                                        [](const auto& row) { return row.first; });
    if (acks != kAcks.end() && property.value != "all" && property.value != "-1") {
      return refuse(property.place, fmt::format("{} must be all, or alerts could be lost with one "
                                                "broker: leave the line out",
                                                property.name));
    }
    const bool is_sends = property.name == "max.in.flight.requests.per.connection" ||
                          property.name == "max.in.flight";
    constexpr std::int64_t kInFlightMax = 5;  // beyond it a broker cannot tell repeats
    if (is_sends && kafka_number(properties, property.name).value_or(1) > kInFlightMax) {
      return refuse(property.place, fmt::format("{} must be 1 to {}, or messages could be there "
                                                "twice: leave the line out",
                                                property.name, kInFlightMax));
    }
    const bool is_tries = property.name == "retries" || property.name == "message.send.max.retries";
    if (is_tries && kafka_number(properties, property.name) == 0) {
      return refuse(property.place, fmt::format("{} must be more than 0, or no broken connection "
                                                "would be survived: leave the line out",
                                                property.name));
    }
  }
  return {};
}

std::optional<std::int64_t> kafka_number(const KafkaProperties& properties, std::string_view name) {
  const auto found = std::ranges::find(properties, name, &KafkaProperty::name);
  if (found == properties.end()) return std::nullopt;
  std::int64_t value = 0;
  const char* const end = found->value.data() + found->value.size();
  const auto parsed = std::from_chars(found->value.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return value;
}

Result<KafkaProperties> read_kafka_properties(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) {
    return fail(Errc::kIo,
                fmt::format("cannot read {}: {}", path, std::strerror(errno == 0 ? EIO : errno)));
  }
  return parse_kafka_properties(text, path);
}
}  // namespace tocsin::runtime
