#include "runtime/kafka/kafka_tail.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/kafka/kafka_handle.h"
#include "runtime/kafka/kafka_message_error.h"

namespace tocsin::runtime {
namespace {
using std::chrono::milliseconds;
using std::chrono::steady_clock;
constexpr int kPollMs = 200;
// Without a message or an answer.
constexpr milliseconds kSilenceMax{10'000};

struct MessageDestroy {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using Message = std::unique_ptr<rd_kafka_message_t, MessageDestroy>;

class TailReader {
 public:
  TailReader(const KafkaWriterOptions& options, const TailRequest& request)
      : options_(options), request_(request) {}
  TailReader(const TailReader&) = delete;
  TailReader& operator=(const TailReader&) = delete;
  ~TailReader();
  Result<TopicTail> read(std::span<const PartitionBounds> bounds);

 private:
  void find_ranges(std::span<const PartitionBounds> bounds);
  Result<void> connect();
  Result<void> take(const rd_kafka_message_t& message);
  bool is_ours(const rd_kafka_message_t& message) const;

  const KafkaWriterOptions& options_;
  const TailRequest& request_;
  KafkaErrors errors_;
  KafkaOwned<rd_kafka_t> handle_;
  KafkaOwned<rd_kafka_topic_t> topic_;
  KafkaOwned<rd_kafka_queue_t> queue_;
  std::vector<std::int32_t> started_;
  struct Range {
    std::uint64_t from = 0;
    std::uint64_t end = 0;
  };
  std::map<std::uint32_t, Range> left_;  // by partition: what is still to be read
  TopicTail tail_;
};

// Where each is read from, which is not where it was wanted if that is gone.
void TailReader::find_ranges(std::span<const PartitionBounds> bounds) {
  for (const PartitionBounds& one : bounds) {
    const std::uint32_t number = one.partition.number;
    tail_.ends[number] = one.end;
    if (!request_.is_wanted) continue;
    const auto wanted = request_.from.find(number);
    std::uint64_t from = wanted == request_.from.end() ? one.first : wanted->second;
    const std::string name = partition_name(one.partition);
    if (from > one.end) {
      tail_.notes.push_back(fmt::format(
          "{} ends at offset {}, and was written up to offset {}: the topic was deleted "
          "and created again, or lost messages. What it had is not written again",
          name, one.end, from));
    } else if (from + 1 < one.first) {  // the mark of the last transaction is one offset
      tail_.notes.push_back(
          fmt::format("messages of {} were removed before they were read back, up to offset {}: "
                      "those that were written last may be written a second time",
                      name, one.first));
    }
    if (from > one.end || from < one.first) from = one.first;
    if (from < one.end) left_[number] = {from, one.end};
  }
}

Result<void> TailReader::connect() {
  const KafkaDefaults fixed = {
      {"isolation.level", "read_committed"}, {"enable.partition.eof", "true"},
      {"enable.auto.commit", "false"},       {"auto.offset.reset", "error"},
      {"allow.auto.create.topics", "false"}, {"fetch.wait.max.ms", "100"}};
  Result<KafkaOwned<rd_kafka_conf_t>> conf = make_kafka_conf(options_.connection, {}, fixed);
  if (!conf) return tl::unexpected(conf.error());
  errors_.listen(conf->get());
  Result<KafkaOwned<rd_kafka_t>> handle = make_kafka(RD_KAFKA_CONSUMER, *std::move(conf));
  if (!handle) return tl::unexpected(handle.error());
  handle_ = *std::move(handle);
  // Without a group, for which a right would be needed.
  topic_.reset(rd_kafka_topic_new(handle_.get(), options_.topic.c_str(), nullptr));
  queue_.reset(rd_kafka_queue_new(handle_.get()));
  for (const auto& [partition, range] : left_) {
    const auto number = static_cast<std::int32_t>(partition);
    if (rd_kafka_consume_start_queue(topic_.get(), number, static_cast<std::int64_t>(range.from),
                                     queue_.get()) != 0) {
      return fail(Errc::kIo, fmt::format("topic {} cannot be read back: {}", options_.topic,
                                         kafka_error_text(rd_kafka_last_error())));
    }
    started_.push_back(number);
  }
  return {};
}

TailReader::~TailReader() {
  for (const std::int32_t partition : started_) rd_kafka_consume_stop(topic_.get(), partition);
}

bool TailReader::is_ours(const rd_kafka_message_t& message) const {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
  const void* value = nullptr;
  std::size_t size = 0;
  const std::string name(kWriterHeader);
  if (rd_kafka_header_get_last(headers, name.c_str(), &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return false;
  const std::string_view writer(static_cast<const char*>(value), size);
  return writer == options_.writer || writer == request_.writer;
}

Result<void> TailReader::take(const rd_kafka_message_t& message) {
  const auto range = left_.find(static_cast<std::uint32_t>(message.partition));
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (range == left_.end()) return {};
    if (static_cast<std::uint64_t>(message.offset) >= range->second.end) {
      left_.erase(range);
      return {};
    }
    if (!is_ours(message)) return {};
    if (tail_.keys.size() >= options_.tail_max) {
      return fail(Errc::kLimit,
                  fmt::format("topic {} has more than {} messages that this data directory does "
                              "not know as written: allow more with kafka.tail_max",
                              options_.topic, options_.tail_max));
    }
    tail_.keys.emplace_back(static_cast<const char*>(message.key), message.key_len);
    return {};
  }
  switch (kafka_message_error(message.err)) {
    case KafkaMessageError::kEnd:
      // Of what is decided: behind it may be what others have not committed.
      if (range != left_.end() && static_cast<std::uint64_t>(message.offset) >= range->second.end)
        left_.erase(range);
      return {};
    case KafkaMessageError::kPasses:
      return {};
    default:
      return fail(Errc::kIo, fmt::format("topic {} cannot be read back: {}", options_.topic,
                                         rd_kafka_message_errstr(&message)));
  }
}

Result<TopicTail> TailReader::read(std::span<const PartitionBounds> bounds) {
  find_ranges(bounds);
  if (left_.empty()) return std::move(tail_);
  if (auto connected = connect(); !connected) return tl::unexpected(connected.error());
  auto heard = steady_clock::now();
  while (!left_.empty()) {
    if (options_.stop_requested && options_.stop_requested())
      return fail(Errc::kStopped, "stopped");
    rd_kafka_poll(handle_.get(), 0);
    const Message message(rd_kafka_consume_queue(queue_.get(), kPollMs));
    const auto now = steady_clock::now();
    if (!message) {
      if (now < heard + kSilenceMax) continue;
      const std::string why = errors_.text();
      return fail(Errc::kIo,
                  fmt::format("topic {} could not be read back to its end: {}", options_.topic,
                              why.empty() ? "a transaction of another writer is not decided, or no "
                                            "broker answers"
                                          : why));
    }
    heard = now;
    if (auto taken = take(*message); !taken) return tl::unexpected(taken.error());
  }
  return std::move(tail_);
}
}  // namespace

Result<TopicTail> read_kafka_tail(const KafkaWriterOptions& options, const TailRequest& request,
                                  std::span<const PartitionBounds> bounds) {
  return TailReader(options, request).read(bounds);
}
}  // namespace tocsin::runtime
