#include "runtime/kafka/kafka_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/io/crash_point.h"
#include "runtime/kafka/kafka_tail.h"
#include "runtime/kafka/kafka_topics.h"

namespace tocsin::runtime {
namespace {
using std::chrono::milliseconds;
using std::chrono::steady_clock;
constexpr int kPollMs = 100;
// Of a request, so that a stop is heard.
constexpr milliseconds kAskMax{1000};
constexpr milliseconds kRetryPause{100};
// A broker ends a transaction that takes longer, and with it the writer.
constexpr std::int64_t kTransactionMs = 30'000;
// A stop waits so long for what is under way; what then became of it, the next start finds out.
constexpr milliseconds kStopPatience{3'000};

struct ErrorDestroy {
  void operator()(rd_kafka_error_t* error) const { rd_kafka_error_destroy(error); }
};
using OwnedError = std::unique_ptr<rd_kafka_error_t, ErrorDestroy>;
struct HeadersDestroy {
  void operator()(rd_kafka_headers_t* headers) const { rd_kafka_headers_destroy(headers); }
};
using OwnedHeaders = std::unique_ptr<rd_kafka_headers_t, HeadersDestroy>;
}  // namespace

Errc kafka_write_error(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
      return Errc::kConflict;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
      return Errc::kDenied;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return Errc::kLimit;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return Errc::kNotFound;
    default:
      return Errc::kIo;
  }
}

Result<OpenedTopic> open_kafka_writer(const KafkaWriterOptions& options, const TailRequest& tail) {
  return KafkaWriter::open(options, tail);
}

Result<OpenedTopic> KafkaWriter::open(const KafkaWriterOptions& options, const TailRequest& tail) {
  std::unique_ptr<KafkaWriter> writer(new KafkaWriter(options));
  const Moment until = steady_clock::now() + options.patience;
  if (auto connected = writer->connect(); !connected) return tl::unexpected(connected.error());
  if (auto counted = writer->count_partitions(until); !counted)
    return tl::unexpected(counted.error());
  // From here on no earlier writer of this id can add anything, and what one has begun is decided.
  if (auto begun = writer->begin_as_writer(until); !begun) return tl::unexpected(begun.error());
  const Result<std::vector<PartitionBounds>> bounds = writer->find_bounds(until);
  if (!bounds) return tl::unexpected(bounds.error());
  Result<TopicTail> read = read_kafka_tail(options, tail, *bounds);
  if (!read) return tl::unexpected(read.error());
  return OpenedTopic{std::move(writer), *std::move(read)};
}

KafkaWriter::~KafkaWriter() {
  // What was not sent is not to be: the next writer knows what was.
  if (handle_) rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  handle_.reset();  // before what its callbacks use
}

Result<void> KafkaWriter::connect() {
  if (auto checked = check_writer_properties(options_.connection.properties); !checked)
    return checked;
  timeout_ = milliseconds(kafka_number(options_.connection.properties, "transaction.timeout.ms")
                              .value_or(kTransactionMs));
  const KafkaDefaults defaults = {{"transaction.timeout.ms", std::to_string(kTransactionMs)},
                                  {"linger.ms", "2"},
                                  // The topic says what is too large, not the client.
                                  {"message.max.bytes", "16000000"},
                                  {"compression.type", "lz4"}};
  const KafkaDefaults fixed = {{"transactional.id", options_.writer},
                               {"enable.idempotence", "true"},
                               {"request.required.acks", "all"},
                               {"allow.auto.create.topics", "false"},
                               {"statistics.interval.ms", "0"},
                               // So that the end of a partition is that of all messages.
                               {"isolation.level", "read_uncommitted"}};
  Result<KafkaOwned<rd_kafka_conf_t>> conf = make_kafka_conf(options_.connection, defaults, fixed);
  if (!conf) return tl::unexpected(conf.error());
  rd_kafka_conf_set_opaque(conf->get(), this);
  rd_kafka_conf_set_error_cb(
      conf->get(), [](rd_kafka_t* client, int error, const char* reason, void* opaque) {
        static_cast<KafkaWriter*>(opaque)->errors_.note(client, error, reason);
      });
  rd_kafka_conf_set_dr_msg_cb(conf->get(),
                              [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
                                static_cast<KafkaWriter*>(opaque)->delivered(*message);
                              });
  Result<KafkaOwned<rd_kafka_t>> handle = make_kafka(RD_KAFKA_PRODUCER, *std::move(conf));
  if (!handle) return tl::unexpected(handle.error());
  handle_ = *std::move(handle);
  return {};
}

Result<void> KafkaWriter::count_partitions(Moment until) {
  const KafkaQuestion question{handle_.get(),   options_.connection.brokers,
                               until,           options_.stop_requested,
                               errors_,         options_.setting,
                               Errc::kNotFound, Errc::kDenied};
  const Result<std::uint32_t> count = count_kafka_partitions(question, options_.topic);
  if (!count) return tl::unexpected(count.error());
  partitions_ = *count;
  return {};
}

Result<void> KafkaWriter::begin_as_writer(Moment until) {
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
    const auto wait = std::clamp(left, milliseconds(1), kAskMax);
    OwnedError error(rd_kafka_init_transactions(handle_.get(), static_cast<int>(wait.count())));
    if (!error) return {};
    rd_kafka_poll(handle_.get(), 0);
    if (must_stop()) return fail(Errc::kStopped, "stopped");
    if (!rd_kafka_error_is_retriable(error.get()) || steady_clock::now() >= until)
      return failed(error.release(), "begin to write to");
    std::this_thread::sleep_for(kRetryPause);
  }
}

Result<std::vector<PartitionBounds>> KafkaWriter::find_bounds(Moment until) const {
  const KafkaQuestion question{handle_.get(),   options_.connection.brokers,
                               until,           options_.stop_requested,
                               errors_,         options_.setting,
                               Errc::kNotFound, Errc::kDenied};
  std::vector<PartitionBounds> all;
  for (std::uint32_t number = 0; number < partitions_; ++number) {
    Result<PartitionBounds> one = find_kafka_bounds(question, {options_.topic, number});
    if (!one) return tl::unexpected(one.error());
    all.push_back(*std::move(one));
  }
  return all;
}

Result<TopicPlaces> KafkaWriter::write(std::span<const TopicMessage> messages) {
  messages_ = messages;
  places_.clear();
  failure_.reset();
  began_ = steady_clock::now();
  if (OwnedError error{rd_kafka_begin_transaction(handle_.get())}; error)
    return failed(error.release(), "write to");
  if (auto sent = send(messages); !sent) return tl::unexpected(sent.error());
  if (auto delivered = wait_delivered(); !delivered) return tl::unexpected(delivered.error());
  crash_point("sink.delivered");
  // The library asks for -1: the time that the transaction has left.
  if (OwnedError error{rd_kafka_commit_transaction(handle_.get(), -1)}; error)
    return failed(error.release(), "write to");
  crash_point("sink.committed");
  began_.reset();
  return std::move(places_);
}

Result<void> KafkaWriter::send(std::span<const TopicMessage> messages) {
  for (const TopicMessage& message : messages) {
    if (auto sent = send(message); !sent) return sent;
  }
  return {};
}

Result<void> KafkaWriter::send(const TopicMessage& message) {
  for (;;) {
    // The client takes them over where it takes the message.
    OwnedHeaders headers(rd_kafka_headers_new(message.headers.size() + 1));
    const auto add = [&](std::string_view name, std::string_view value) {
      rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()),
                          value.data(), static_cast<ssize_t>(value.size()));
    };
    for (const auto& [name, value] : message.headers) add(name, value);
    add(kWriterHeader, options_.writer);
    const auto partition = static_cast<std::int32_t>(message.spread % partitions_);
    const rd_kafka_resp_err_t error = rd_kafka_producev(
        handle_.get(), RD_KAFKA_V_TOPIC(options_.topic.c_str()), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_KEY(message.key.data(), message.key.size()),
        RD_KAFKA_V_VALUE(const_cast<char*>(message.value.data()), message.value.size()),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers.get()),
        RD_KAFKA_V_OPAQUE(const_cast<TopicMessage*>(&message)), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      static_cast<void>(headers.release());
      return {};
    }
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL)
      return failed(error, kafka_error_text(error), "write to");
    if (must_stop()) return fail(Errc::kStopped, "stopped");
    rd_kafka_poll(handle_.get(), kPollMs);
    if (failure_) return tl::unexpected(*failure_);
  }
}

// Messages that a broker does not take in the time of a transaction are given up by the client.
Result<void> KafkaWriter::wait_delivered() {
  std::optional<Moment> stop_at;
  while (rd_kafka_outq_len(handle_.get()) > 0) {
    rd_kafka_poll(handle_.get(), kPollMs);
    if (failure_) return tl::unexpected(*failure_);
    if (!stop_at && must_stop()) stop_at = steady_clock::now() + kStopPatience;
    if (stop_at && steady_clock::now() >= *stop_at) return fail(Errc::kStopped, "stopped");
  }
  if (failure_) return tl::unexpected(*failure_);
  return {};
}

void KafkaWriter::delivered(const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    std::uint64_t& place = places_[static_cast<std::uint32_t>(message.partition)];
    place = std::max(place, static_cast<std::uint64_t>(message.offset) + 1);
    return;
  }
  if (failure_ || message.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
      message.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
    return;
  }
  std::string text = kafka_error_text(message.err);
  if (kafka_write_error(message.err) == Errc::kLimit) {
    text = fmt::format(
        "the message {} of {} bytes is larger than the topic takes; nothing goes on "
        "before it is: raise the topic's max.message.bytes",
        std::string_view(static_cast<const char*>(message.key), message.key_len), message.len);
  }
  failure_ = failed(message.err, text, "write to").value();
}

tl::unexpected<Error> KafkaWriter::failed(rd_kafka_error_t* error, const char* what) const {
  const OwnedError owned(error);
  return failed(rd_kafka_error_code(owned.get()), rd_kafka_error_string(owned.get()), what);
}

tl::unexpected<Error> KafkaWriter::failed(rd_kafka_resp_err_t error, const std::string& text,
                                          const char* what) const {
  // What made the client give up says more than that it has.
  std::array<char, 512> fatal_text{};
  const rd_kafka_resp_err_t fatal =
      rd_kafka_fatal_error(handle_.get(), fatal_text.data(), fatal_text.size());
  const bool is_fatal = fatal != RD_KAFKA_RESP_ERR_NO_ERROR;
  Errc code = kafka_write_error(is_fatal ? fatal : error);
  // A transaction that took too long ends its writer just as another one with its id does.
  const bool took_too_long = began_ && steady_clock::now() >= *began_ + timeout_;
  if (code == Errc::kConflict && took_too_long) code = Errc::kIo;
  if (code == Errc::kConflict) {
    return fail(code, fmt::format("another server writes to topic {} as {}: this one no longer "
                                  "does. Let one server alone write under this name, or give each "
                                  "its own with kafka.writer",
                                  options_.topic, options_.writer));
  }
  return fail(code, fmt::format("cannot {} topic {}: {}", what, options_.topic,
                                is_fatal ? std::string(fatal_text.data()) : text));
}
}  // namespace tocsin::runtime
