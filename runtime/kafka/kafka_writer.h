/// A topic that is written to in transactions, by librdkafka.
#pragma once
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "cep/base/result.h"
#include "runtime/kafka/kafka_client.h"
#include "runtime/kafka/kafka_handle.h"
#include "runtime/outputs/topic_writer.h"

namespace tocsin::runtime {
/// What becomes of an error: the codes of TopicWriter::write().
Errc kafka_write_error(rd_kafka_resp_err_t error);

class KafkaWriter : public TopicWriter {
 public:
  static Result<OpenedTopic> open(const KafkaWriterOptions& options, const TailRequest& tail);
  ~KafkaWriter() override;
  Result<TopicPlaces> write(std::span<const TopicMessage> messages) override;

 private:
  using Moment = std::chrono::steady_clock::time_point;
  explicit KafkaWriter(KafkaWriterOptions options) : options_(std::move(options)) {}
  Result<void> connect();
  Result<void> count_partitions(Moment until);
  Result<void> begin_as_writer(Moment until);
  Result<std::vector<PartitionBounds>> find_bounds(Moment until) const;
  Result<void> send(std::span<const TopicMessage> messages);
  Result<void> send(const TopicMessage& message);
  Result<void> wait_delivered();
  void delivered(const rd_kafka_message_t& message);
  tl::unexpected<Error> failed(rd_kafka_error_t* error, const char* what) const;
  tl::unexpected<Error> failed(rd_kafka_resp_err_t error, const std::string& text,
                               const char* what) const;
  bool must_stop() const { return options_.stop_requested && options_.stop_requested(); }

  const KafkaWriterOptions options_;
  KafkaErrors errors_;
  KafkaOwned<rd_kafka_t> handle_;
  std::uint32_t partitions_ = 0;
  std::chrono::milliseconds timeout_{};  // of a transaction
  // Of the transaction that is under way:
  std::optional<Moment> began_;
  std::span<const TopicMessage> messages_;
  TopicPlaces places_;
  std::optional<Error> failure_;  // the first of a message
};
}  // namespace tocsin::runtime
