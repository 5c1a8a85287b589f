/// What writes to a topic of a broker. A port: librdkafka's (runtime/kafka), or a simulated one.
///
/// Everything that one writer id has written is in the topic whole batches at a time, and only the
/// newest writer of an id can write: opening one ends all others of the id, also in processes that
/// are gone but whose requests are still under way.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cep/base/result.h"

namespace tocsin::runtime {
/// The header that says which writer a message is of.
inline constexpr std::string_view kWriterHeader = "tocsin-writer";

struct TopicMessage {
  std::string key;
  std::string value;
  std::vector<std::pair<std::string, std::string>> headers;
  /// Messages with the same number are in the same partition, in the order in which they were
  /// written, while the topic gets no more partitions.
  std::uint32_t spread = 0;
};
/// By partition: an offset.
using TopicPlaces = std::map<std::uint32_t, std::uint64_t>;

/// What a topic has from some places on.
struct TopicTail {
  std::vector<std::string> keys;  // of the writer's messages; one that is there twice is here twice
  TopicPlaces ends;               // of every partition: where reading ended
  std::vector<std::string> notes;  // what people should know: parts that are gone
};

/// Threading: one caller at a time.
class TopicWriter {
 public:
  TopicWriter() = default;
  TopicWriter(const TopicWriter&) = delete;
  TopicWriter& operator=(const TopicWriter&) = delete;
  virtual ~TopicWriter() = default;

  /// Writes the messages: when it returns, all of them are in the topic. Gives for each partition
  /// that has got some the offset behind the last. After a failure it is not known whether all of
  /// them are there or none is, and the writer is of no more use: another one is opened, whose tail
  /// shows it. Fails with kConflict once a newer writer has this id; kDenied where the broker
  /// refuses for good, kLimit for a message that is too large for the topic, kIo for what may pass,
  /// kStopped.
  virtual Result<TopicPlaces> write(std::span<const TopicMessage> messages) = 0;
};
struct OpenedTopic {
  std::unique_ptr<TopicWriter> writer;
  TopicTail tail;
};
/// From where on an opening reads what the topic has.
struct TailRequest {
  /// False: not at all, and the tail has `ends` alone.
  bool is_wanted = false;
  TopicPlaces from;  // a partition that is not named is read from its first message
  /// The id under which it was written, which may be another one than is opened.
  std::string writer;
};
/// Opens the writer of an id. Fails like write(), and with kNotFound where there is no topic,
/// kInvalidArgument for options that cannot be.
using OpenTopic = std::function<Result<OpenedTopic>(const TailRequest& tail)>;
}  // namespace tocsin::runtime
