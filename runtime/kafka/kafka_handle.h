/// librdkafka's handles, owned, and how one is made.
#pragma once
#include <librdkafka/rdkafka.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/base/result.h"
#include "runtime/kafka/kafka_client.h"

namespace tocsin::runtime {
struct KafkaDestroy {
  /// A consumer is not closed, which would wait for brokers that do not answer.
  void operator()(rd_kafka_t* handle) const {
    rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
  void operator()(const rd_kafka_metadata_t* metadata) const {
    rd_kafka_metadata_destroy(metadata);
  }
};
template <typename T>
using KafkaOwned = std::unique_ptr<T, KafkaDestroy>;
using KafkaMetadata = std::unique_ptr<const rd_kafka_metadata_t, KafkaDestroy>;
using KafkaDefaults = std::vector<std::pair<std::string, std::string>>;

/// What a client said of its connections, in its error callback. Threading: any.
class KafkaErrors {
 public:
  /// Has the configuration tell it, as its opaque; it must outlive the client.
  void listen(rd_kafka_conf_t* conf);
  /// What an error callback was told.
  void note(rd_kafka_t* handle, int error, const char* reason);
  /// The newest, in words; empty: there was none.
  std::string text() const;
  /// Whether a broker refused who asks: that does not pass by itself.
  bool is_refused() const;
  /// After which the client does nothing any more.
  std::optional<std::string> fatal() const;

 private:
  mutable std::mutex mutex_;
  std::string text_;
  bool is_refused_ = false;
  std::optional<std::string> fatal_;
};

/// A configuration: `defaults`, over which the connection's properties go, then `fixed`. Fails with
/// kInvalidArgument for what the library does not take.
Result<KafkaOwned<rd_kafka_conf_t>> make_kafka_conf(const KafkaConnection& connection,
                                                    const KafkaDefaults& defaults,
                                                    const KafkaDefaults& fixed);
/// A client of it. Fails with kInvalidArgument for what does not go together, kIo for files of
/// certificates that cannot be read.
Result<KafkaOwned<rd_kafka_t>> make_kafka(rd_kafka_type_t type, KafkaOwned<rd_kafka_conf_t> conf);
/// What an error means in words.
std::string kafka_error_text(rd_kafka_resp_err_t error);
}  // namespace tocsin::runtime
