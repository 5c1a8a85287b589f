/// Reads and writes topics of Kafka by librdkafka. Where it was not built with that library,
/// everything here says so.
#pragma once
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "runtime/formats/message_format.h"
#include "runtime/inputs/topic_client.h"
#include "runtime/io/byte_source.h"
#include "runtime/kafka/kafka_properties.h"
#include "runtime/outputs/topic_writer.h"

namespace tocsin::runtime {
/// How to get to the brokers.
struct KafkaConnection {
  std::string brokers;  // HOST:PORT, several separated by commas
  KafkaProperties properties;
  /// How long a start waits for a broker that answers.
  std::chrono::milliseconds start_timeout{30'000};
};
struct KafkaReaderOptions {
  KafkaConnection connection;
  std::vector<std::string> topics;
  /// Under which the brokers are told how far partitions were read; empty: they are not.
  std::string group;
  std::size_t line_bytes_max = 1 << 20;
  /// How messages become JSON lines; null: they are JSON.
  std::shared_ptr<MessageFormat> format;
  /// Asked while it waits.
  StopRequested stop_requested;
  /// Told on some thread that something may be at hand. May be empty.
  std::function<void()> arrived;
  /// Told on some thread, once each time, that brokers or a registry of schemas do not answer, and
  /// do again. May be empty.
  std::function<void(const std::string&)> note;
};
/// Connects, and looks which partitions there are. Fails with kInvalidArgument where it was
/// built without librdkafka, and for a property that the library does not take, with its
/// place; kIo for a topic that there is not, and where no broker answers in time or none allows it;
/// kStopped.
Result<std::unique_ptr<TopicClient>> open_kafka_reader(KafkaReaderOptions options);
struct KafkaWriterOptions {
  KafkaConnection connection;
  std::string topic;
  std::string setting;  // that names the topic, for messages
  std::string writer;   // the id; the client's `transactional.id`
  /// Messages of the writer that an opening reads back at most.
  std::size_t tail_max = 100'000;
  /// How long an opening waits for a broker.
  std::chrono::milliseconds patience{10'000};
  /// Asked while it waits.
  StopRequested stop_requested;
};
/// Opens the topic to write to it in transactions. Fails as OpenTopic says; with kInvalidArgument
/// where it was built without librdkafka.
Result<OpenedTopic> open_kafka_writer(const KafkaWriterOptions& options, const TailRequest& tail);
/// The library's version; nothing: it was built without.
std::optional<std::string> kafka_library_version();
}  // namespace tocsin::runtime
