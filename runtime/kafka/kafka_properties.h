/// Properties of the Kafka client from a file, such as those for SASL and TLS.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"

namespace tocsin::runtime {
struct KafkaProperty {
  std::string name;
  std::string value;
  std::string place;  // FILE:LINE, for messages
};
using KafkaProperties = std::vector<KafkaProperty>;

/// Reads `name = value` by lines; blank lines and those that begin with # say nothing. `path` is
/// for messages. Fails with kInvalidArgument, naming the line, for others, a name that is there
/// twice, and what is not to be set: what correct reading depends on, and what has a setting.
/// Values may be secrets: no message shows one.
Result<KafkaProperties> parse_kafka_properties(std::string_view text, const std::string& path);
/// What writing each message once depends on. Fails with kInvalidArgument, naming the line, for
/// properties that would break it.
Result<void> check_writer_properties(const KafkaProperties& properties);
/// The value of a property that is a number, milliseconds say. Nothing where it is not set, or set
/// to something else.
std::optional<std::int64_t> kafka_number(const KafkaProperties& properties, std::string_view name);
/// Reads a file. Fails as parse_kafka_properties(), and with kIo where it cannot be read.
Result<KafkaProperties> read_kafka_properties(const std::string& path);
}  // namespace tocsin::runtime
