/// Messages of a partition between the client's queue and blocks of lines.
#pragma once
#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/formats/message_format.h"
#include "runtime/kafka/kafka_handle.h"

namespace tocsin::runtime {
/// A message's value; nothing for a tombstone. Borrowed from it.
std::optional<std::string_view> value_of(const rd_kafka_message_t& message);

/// Lines of the first messages of a batch, without line ends.
class BatchLines {
 public:
  void clear();
  std::size_t count() const { return ends_.size(); }
  std::string_view line(std::size_t index) const;

 private:
  friend class KafkaBatch;
  std::string text_;
  std::vector<std::size_t> ends_;
};
/// Threading: one caller at a time.
class KafkaBatch {
 public:
  /// Takes what the queue has, as many as `room` has places for; false for nothing. Gives the bytes
  /// of their values in `bytes`.
  bool fill(rd_kafka_queue_t* queue, std::span<rd_kafka_message_t*> room, std::size_t& bytes);
  std::size_t size() const { return messages_.size(); }
  bool empty() const { return messages_.empty(); }
  /// Makes `lines` of the first messages: up to one whose schema is on its way, or until they have
  /// `bytes_max` bytes. What has no value has an empty line.
  void convert(MessageFormat& format, std::size_t line_bytes_max, std::size_t bytes_max,
               BatchLines& lines) const;
  /// Takes the first message out. Requires that it is not empty.
  KafkaOwned<rd_kafka_message_t> pop();

 private:
  std::deque<KafkaOwned<rd_kafka_message_t>> messages_;
};
}  // namespace tocsin::runtime
