#include "runtime/kafka/kafka_batch.h"

#include <utility>

namespace tocsin::runtime {
std::optional<std::string_view> value_of(const rd_kafka_message_t& message) {
  if (message.payload == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(message.payload), message.len);
}

void BatchLines::clear() {
  text_.clear();
  ends_.clear();
}

std::string_view BatchLines::line(std::size_t index) const {
  const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
  return std::string_view(text_).substr(begin, ends_[index] - begin);
}

bool KafkaBatch::fill(rd_kafka_queue_t* queue, std::span<rd_kafka_message_t*> room,
                      std::size_t& bytes) {
  bytes = 0;
  const ssize_t count = rd_kafka_consume_batch_queue(queue, 0, room.data(), room.size());
  if (count <= 0) return false;
  for (rd_kafka_message_t* const message : room.first(static_cast<std::size_t>(count))) {
    bytes += message->len;
    messages_.emplace_back(message);
  }
  return true;
}

void KafkaBatch::convert(MessageFormat& format, std::size_t line_bytes_max, std::size_t bytes_max,
                         BatchLines& lines) const {
  lines.clear();
  for (const KafkaOwned<rd_kafka_message_t>& message : messages_) {
    const std::optional<std::string_view> value = value_of(*message);
    const bool is_value = message->err == RD_KAFKA_RESP_ERR_NO_ERROR && value;
    if (is_value && (lines.text_.size() >= bytes_max ||
                     format.convert(*value, line_bytes_max, lines.text_) == Conversion::kLater)) {
      return;
    }
    lines.ends_.push_back(lines.text_.size());
  }
}

KafkaOwned<rd_kafka_message_t> KafkaBatch::pop() {
  KafkaOwned<rd_kafka_message_t> message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}
}  // namespace tocsin::runtime
