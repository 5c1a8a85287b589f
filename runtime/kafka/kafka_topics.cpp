#include "runtime/kafka/kafka_topics.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
namespace tocsin::runtime {
namespace {
using std::chrono::milliseconds;
using std::chrono::steady_clock;
// Of one request, so that a stop is heard.
constexpr milliseconds kAskMax{1000};
constexpr milliseconds kPause{200};
// A topic that was created a moment ago may not be known to the broker that is asked.
constexpr milliseconds kUnknownMax{2000};

bool may_pass(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
      return true;
    default:
      return false;
  }
}

bool is_unknown(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
         error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

tl::unexpected<Error> refused(const KafkaQuestion& question, const std::string& what,
                              rd_kafka_resp_err_t error) {
  if (is_unknown(error)) {
    return fail(question.unknown, fmt::format("there is no {} at {}: create it, or correct {}",
                                              what, question.brokers, question.setting));
  }
  if (may_pass(error)) {
    const std::string said = question.errors.text();
    return fail(question.errors.is_refused() ? question.refused : Errc::kIo,
                fmt::format("no broker of {} answered: {}", question.brokers,
                            said.empty() ? kafka_error_text(error) : said));
  }
  return fail(question.refused, fmt::format("{} of {} cannot be read: {}", what, question.brokers,
                                            kafka_error_text(error)));
}

// Asks until the answer is one that stays.
template <typename Ask>
Result<void> ask(const KafkaQuestion& question, const std::string& what, const Ask& once) {
  const auto began = steady_clock::now();
  for (;;) {
    const auto left =
        std::chrono::duration_cast<milliseconds>(question.until - steady_clock::now());
    const rd_kafka_resp_err_t error =
        once(static_cast<int>(std::clamp(left, milliseconds(1), kAskMax).count()));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    rd_kafka_poll(question.handle, 0);
    const auto now = steady_clock::now();
    if (question.stop_requested && question.stop_requested())
      return fail(Errc::kStopped, "stopped");
    const bool is_new = is_unknown(error) && now < began + kUnknownMax;
    if (now >= question.until || question.errors.is_refused() || !(may_pass(error) || is_new))
      return refused(question, what, error);
    std::this_thread::sleep_for(kPause);
  }
}
}  // namespace

Result<std::uint32_t> count_kafka_partitions(const KafkaQuestion& question,
                                             const std::string& topic) {
  const KafkaOwned<rd_kafka_topic_t> handle(
      rd_kafka_topic_new(question.handle, topic.c_str(), nullptr));
  if (!handle) {
    return fail(Errc::kInvalidArgument,
                fmt::format("{}: `{}` cannot be the name of a topic", question.setting, topic));
  }
  std::uint32_t count = 0;
  const auto asked = ask(question, "topic " + topic, [&](int timeout_ms) {
    const rd_kafka_metadata_t* answer = nullptr;
    const rd_kafka_resp_err_t error =
        rd_kafka_metadata(question.handle, 0, handle.get(), &answer, timeout_ms);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
    const KafkaMetadata metadata(answer);
    if (metadata->topic_cnt != 1) return RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    count = static_cast<std::uint32_t>(metadata->topics[0].partition_cnt);
    if (metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR && count == 0)
      return RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    return metadata->topics[0].err;
  });
  if (!asked) return tl::unexpected(asked.error());
  return count;
}

Result<PartitionBounds> find_kafka_bounds(const KafkaQuestion& question,
                                          const TopicPartition& partition) {
  PartitionBounds bounds{partition, 0, 0};
  const auto asked = ask(question, "partition " + partition_name(partition), [&](int timeout_ms) {
    std::int64_t first = 0;
    std::int64_t end = 0;
    const rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
        question.handle, partition.topic.c_str(), static_cast<std::int32_t>(partition.number),
        &first, &end, timeout_ms);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      bounds.first = static_cast<std::uint64_t>(std::max<std::int64_t>(first, 0));
      bounds.end = static_cast<std::uint64_t>(std::max<std::int64_t>(end, 0));
    }
    return error;
  });
  if (!asked) return tl::unexpected(asked.error());
  return bounds;
}
}  // namespace tocsin::runtime
