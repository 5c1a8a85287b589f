#include "runtime/kafka/kafka_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "runtime/io/background_thread.h"
#include "runtime/kafka/kafka_health.h"
#include "runtime/kafka/kafka_message_error.h"

namespace tocsin::runtime {
namespace {
using std::chrono::milliseconds;
using std::chrono::steady_clock;
constexpr std::size_t kBatch = 1000;
constexpr std::size_t kBlockBytes = std::size_t{256} << 10;   // fits a core's cache
constexpr std::size_t kBlocksBytes = std::size_t{1} << 20;    // of a partition, that wait
constexpr std::size_t kQueuesBytes = std::size_t{64} << 20;   // in librdkafka, of all together
constexpr std::size_t kQueueBytesMin = std::size_t{1} << 20;  // of one
constexpr std::size_t kQueueBytesMax = std::size_t{16} << 20;
// How long the thread waits at most before it serves the client's callbacks.
constexpr milliseconds kServePause{100};
constexpr milliseconds kBoundsPatience{3'000};
constexpr milliseconds kCommitPatience{3'000};
}  // namespace

Result<std::unique_ptr<TopicClient>> open_kafka_reader(KafkaReaderOptions options) {
  return KafkaReader::open(std::move(options));
}

std::optional<std::string> kafka_library_version() { return rd_kafka_version_str(); }

KafkaReader::KafkaReader(KafkaReaderOptions options)
    : options_(std::move(options)), messages_(kBatch) {}

Result<std::unique_ptr<TopicClient>> KafkaReader::open(KafkaReaderOptions options) {
  std::unique_ptr<KafkaReader> reader(new KafkaReader(std::move(options)));
  const Result<std::uint32_t> count = reader->count_partitions();
  if (!count) return tl::unexpected(count.error());
  if (auto connected = reader->connect(*count); !connected)
    return tl::unexpected(connected.error());
  return std::unique_ptr<TopicClient>(std::move(reader));
}

// By a client of its own, since how much another one may hold of each partition is set when it is
// made.
Result<std::uint32_t> KafkaReader::count_partitions() {
  Result<KafkaOwned<rd_kafka_conf_t>> conf = make_kafka_conf(options_.connection, {}, {});
  if (!conf) return tl::unexpected(conf.error());
  KafkaErrors errors;
  errors.listen(conf->get());
  const Result<KafkaOwned<rd_kafka_t>> handle = make_kafka(RD_KAFKA_CONSUMER, *std::move(conf));
  if (!handle) return tl::unexpected(handle.error());
  const KafkaQuestion question{handle->get(), options_.connection.brokers,
                               steady_clock::now() + options_.connection.start_timeout,
                               options_.stop_requested, errors};
  std::uint32_t all = 0;
  for (const std::string& topic : options_.topics) {
    Result<std::uint32_t> count = count_kafka_partitions(question, topic);
    if (!count) return count;
    all += *count;
  }
  return all;
}

Result<void> KafkaReader::connect(std::uint32_t partitions) {
  queue_bytes_max_ = std::clamp(kQueuesBytes / std::max<std::size_t>(partitions, 1), kQueueBytesMin,
                                kQueueBytesMax);
  const KafkaDefaults defaults = {
      {"queued.max.messages.kbytes", std::to_string(queue_bytes_max_ >> 10)},
      {"queued.min.messages", "10000000"},  // the bytes limit it
      {"fetch.wait.max.ms", "100"},
      {"topic.metadata.refresh.interval.ms", "10000"},
      {"topic.metadata.propagation.max.ms", "10000"},
      {"session.timeout.ms", "3000"},  // for so long a commit waits for a coordinator, and the end
      {"check.crcs", "true"},
      {"isolation.level", "read_committed"}};
  KafkaDefaults fixed = {
      {"auto.offset.reset", "error"},        {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"}, {"enable.partition.eof", "true"},
      {"statistics.interval.ms", "1000"},    {"allow.auto.create.topics", "false"}};
  if (!options_.group.empty()) fixed.emplace_back("group.id", options_.group);
  Result<KafkaOwned<rd_kafka_conf_t>> conf = make_kafka_conf(options_.connection, defaults, fixed);
  if (!conf) return tl::unexpected(conf.error());
  rd_kafka_conf_set_opaque(conf->get(), this);
  rd_kafka_conf_set_error_cb(conf->get(),
                             [](rd_kafka_t* client, int error, const char* reason, void* opaque) {
                               KafkaReader& reader = *static_cast<KafkaReader*>(opaque);
                               reader.guarded([&] { reader.errors_.note(client, error, reason); });
                             });
  rd_kafka_conf_set_stats_cb(conf->get(),
                             [](rd_kafka_t*, char* json, std::size_t size, void* opaque) -> int {
                               KafkaReader& reader = *static_cast<KafkaReader*>(opaque);
                               reader.guarded([&] { reader.take_statistics({json, size}); });
                               return 0;
                             });
  rd_kafka_conf_set_offset_commit_cb(
      conf->get(),
      [](rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t*, void* opaque) {
        KafkaReader& reader = *static_cast<KafkaReader*>(opaque);
        reader.guarded([&] { reader.take_commit(error); });
      });
  Result<KafkaOwned<rd_kafka_t>> handle = make_kafka(RD_KAFKA_CONSUMER, *std::move(conf));
  if (!handle) return tl::unexpected(handle.error());
  handle_ = *std::move(handle);
  if (options_.format) options_.format->listen({[this] { wake_thread(); }, options_.note});
  thread_ = std::thread([this] { work(); });
  return {};
}

// Runs a callback of the client, through whose code no exception may pass.
template <typename Callback>
void KafkaReader::guarded(const Callback& callback) noexcept {
  try {
    callback();
  } catch (const std::exception& error) {
    fail_all(error.what());
  } catch (...) {
    fail_all("an unknown exception");
  }
}

// What was committed last is waited for, where brokers answer. Then the thread ends first: nothing
// of the client's may be used after it is gone, nor of this reader's while the client calls it.
KafkaReader::~KafkaReader() {
  {
    std::unique_lock lock(mutex_);
    for_end_.wait_for(lock, kCommitPatience,
                      [&] { return commits_waiting_ == 0 || is_out_of_reach_ || failure_; });
  }
  {
    const std::lock_guard lock(wake_mutex_);
    is_stopping_ = true;
  }
  for_thread_.notify_all();
  if (options_.format) options_.format->listen({});
  if (thread_.joinable()) thread_.join();
  for (const std::unique_ptr<Partition>& partition : partitions_) {
    rd_kafka_queue_cb_event_enable(partition->queue.get(), nullptr, nullptr);
    rd_kafka_consume_stop(partition->topic, static_cast<std::int32_t>(partition->id.number));
  }
  partition_of_.clear();
  partitions_.clear();
  topics_.clear();
}

KafkaQuestion KafkaReader::question(milliseconds patience) const {
  return {handle_.get(), options_.connection.brokers, steady_clock::now() + patience,
          options_.stop_requested, errors_};
}

Result<std::vector<PartitionBounds>> KafkaReader::partitions() {
  std::vector<PartitionBounds> all;
  const KafkaQuestion asked = question(options_.connection.start_timeout);
  for (const std::string& topic : options_.topics) {
    const Result<std::uint32_t> count = count_kafka_partitions(asked, topic);
    if (!count) return tl::unexpected(count.error());
    for (std::uint32_t number = 0; number < *count; ++number) {
      Result<PartitionBounds> one = find_kafka_bounds(asked, {topic, number});
      if (!one) return tl::unexpected(one.error());
      given_.insert(one->partition);
      all.push_back(*std::move(one));
    }
  }
  return all;
}

Result<PartitionBounds> KafkaReader::bounds(const TopicPartition& partition) {
  return find_kafka_bounds(question(kBoundsPatience), partition);
}

// Where a topic is no longer there its partitions say so, to who takes from them.
Result<std::vector<TopicPartition>> KafkaReader::new_partitions() {
  std::vector<TopicPartition> added;
  const std::lock_guard lock(mutex_);
  for (const TopicPartition& partition : std::exchange(known_, {})) {
    if (given_.insert(partition).second) added.push_back(partition);
  }
  std::ranges::sort(added);
  return added;
}

rd_kafka_topic_t* KafkaReader::topic_of(const std::string& name) {
  for (const KafkaOwned<rd_kafka_topic_t>& topic : topics_) {
    if (rd_kafka_topic_name(topic.get()) == name) return topic.get();
  }
  // What the connection says of topics, but for what a reader of this kind must not do.
  rd_kafka_topic_conf_t* const conf = rd_kafka_default_topic_conf_dup(handle_.get());
  rd_kafka_topic_conf_set(conf, "auto.offset.reset", "error", nullptr, 0);
  rd_kafka_topic_conf_set(conf, "enable.auto.commit", "false", nullptr, 0);
  topics_.emplace_back(rd_kafka_topic_new(handle_.get(), name.c_str(), conf));
  return topics_.back().get();
}

Result<std::size_t> KafkaReader::begin(const TopicPartition& id, std::uint64_t offset) {
  auto partition = std::make_unique<Partition>();
  partition->id = id;
  partition->topic = topic_of(id.topic);
  partition->queue.reset(rd_kafka_queue_new(handle_.get()));
  partition->next_offset = offset;
  rd_kafka_queue_cb_event_enable(
      partition->queue.get(),
      [](rd_kafka_t*, void* opaque) { static_cast<KafkaReader*>(opaque)->wake_thread(); }, this);
  if (rd_kafka_consume_start_queue(partition->topic, static_cast<std::int32_t>(id.number),
                                   static_cast<std::int64_t>(offset),
                                   partition->queue.get()) != 0) {
    return fail(Errc::kIo, fmt::format("{} cannot be read: {}", partition_name(id),
                                       kafka_error_text(rd_kafka_last_error())));
  }
  std::size_t index = 0;
  {
    const std::lock_guard lock(mutex_);
    index = partitions_.size();
    partition_of_[id] = partition.get();
    partitions_.push_back(std::move(partition));
  }
  wake_thread();
  return index;
}

void KafkaReader::go_to(std::size_t index, std::uint64_t offset) {
  {
    const std::lock_guard lock(mutex_);
    partitions_[index]->goes_to = offset;
  }
  wake_thread();
}

Result<MessagesAtHand> KafkaReader::take(std::size_t index, MessageBlock& block) {
  const std::lock_guard lock(mutex_);
  if (failure_) return tl::unexpected(*failure_);
  Partition& partition = *partitions_[index];
  if (partition.goes_to) return MessagesAtHand::kNothing;
  if (partition.blocks.empty()) {
    if (partition.failure) return tl::unexpected(*partition.failure);
    if (partition.is_out_of_range) return MessagesAtHand::kOutOfRange;
    return partition.is_at_end && partition.answers ? MessagesAtHand::kEnd
                                                    : MessagesAtHand::kNothing;
  }
  std::swap(block, partition.blocks.front());
  partition.blocks.pop_front();
  const bool was_full = partition.bytes >= kBlocksBytes;
  partition.bytes -= block.size();
  block.close();
  if (was_full) wake_thread();
  return MessagesAtHand::kBlock;
}

void KafkaReader::wait(milliseconds at_most) {
  std::unique_lock lock(mutex_);
  for_taker_.wait_for(lock, at_most, [&] { return has_arrived_; });
  has_arrived_ = false;
}

std::optional<std::uint64_t> KafkaReader::end_of(std::size_t index) const {
  const TopicPartition& id = partitions_[index]->id;
  std::int64_t first = 0;
  std::int64_t end = 0;
  if (rd_kafka_get_watermark_offsets(handle_.get(), id.topic.c_str(),
                                     static_cast<std::int32_t>(id.number), &first,
                                     &end) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      end < 0) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(end);
}

void KafkaReader::commit(std::span<const PartitionPlace> places) {
  if (options_.group.empty() || places.empty()) return;
  const KafkaOwned<rd_kafka_topic_partition_list_t> list(
      rd_kafka_topic_partition_list_new(static_cast<int>(places.size())));
  for (const PartitionPlace& place : places) {
    rd_kafka_topic_partition_list_add(list.get(), place.partition.topic.c_str(),
                                      static_cast<std::int32_t>(place.partition.number))
        ->offset = static_cast<std::int64_t>(place.next_offset);
  }
  {
    const std::lock_guard lock(mutex_);
    ++commits_waiting_;
  }
  if (const auto error = rd_kafka_commit(handle_.get(), list.get(), /*async=*/1);
      error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    take_commit(error);
  }
}

// --- the thread ----------------------------------------------------------------------------------

void KafkaReader::work() noexcept {
  begin_background_thread("kafka");
  try {
    read_all();
  } catch (const std::exception& error) {
    fail_all(error.what());
  } catch (...) {
    fail_all("an unknown exception");
  }
}

void KafkaReader::read_all() {
  std::vector<Partition*> partitions;
  for (;;) {
    bool has_read = false;
    for (Partition* const partition : partitions) has_read = read(*partition) || has_read;
    rd_kafka_poll(handle_.get(), 0);
    if (const std::optional<std::string> fatal = errors_.fatal()) return fail_all(*fatal);
    if (has_read) tell_arrival();
    {
      std::unique_lock lock(wake_mutex_);
      if (!has_read)
        for_thread_.wait_for(lock, kServePause, [&] { return has_news_ || is_stopping_; });
      has_news_ = false;
      if (is_stopping_) return;
    }
    const std::lock_guard lock(mutex_);
    for (std::size_t i = partitions.size(); i < partitions_.size(); ++i)
      partitions.push_back(partitions_[i].get());
  }
}

// Where other messages are wanted. What the queue has of the others is no longer given.
void KafkaReader::go_on(Partition& partition) {
  {
    const std::lock_guard lock(mutex_);
    if (!partition.goes_to) return;
    partition.next_offset = *std::exchange(partition.goes_to, std::nullopt);
    partition.blocks.clear();
    partition.bytes = 0;
    partition.is_at_end = partition.is_out_of_range = partition.was_full = false;
  }
  partition.batch = {};
  seek(partition);
}

// Takes what there is of the partition's messages, where there is room; true where something
// changed.
bool KafkaReader::read(Partition& partition) {
  go_on(partition);
  {
    const std::lock_guard lock(mutex_);
    if (partition.bytes >= kBlocksBytes || partition.failure || partition.is_out_of_range)
      return false;
  }
  if (partition.batch.empty() && !fill_batch(partition)) {
    wake_fetcher(partition);
    return false;
  }
  return take_batch(partition);
}

bool KafkaReader::fill_batch(Partition& partition) {
  std::size_t bytes = 0;
  if (!partition.batch.fill(partition.queue.get(), messages_, bytes)) return false;
  const std::size_t left = rd_kafka_queue_length(partition.queue.get());
  if (left * (bytes / partition.batch.size()) > queue_bytes_max_ / 2) partition.was_full = true;
  return true;
}

// Puts the batch's messages into blocks, up to one that must wait.
bool KafkaReader::take_batch(Partition& partition) {
  MessageFormat* const format = options_.format.get();
  if (format != nullptr)
    partition.batch.convert(*format, options_.line_bytes_max, kBlocksBytes, lines_);
  const std::size_t count = format == nullptr ? partition.batch.size() : lines_.count();
  const std::lock_guard lock(mutex_);
  // It is not read to its end while messages wait.
  if (count < partition.batch.size()) partition.is_at_end = false;
  for (std::size_t i = 0; i < count; ++i) {
    const KafkaOwned<rd_kafka_message_t> message = partition.batch.pop();
    std::optional<std::string_view> value = value_of(*message);
    if (format != nullptr && value) value = lines_.line(i);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      take_message(partition, *message, value);
    } else {
      take_error(partition, *message);
    }
  }
  return count > 0;
}

void KafkaReader::take_message(Partition& partition, const rd_kafka_message_t& message,
                               std::optional<std::string_view> value) {
  const auto offset = static_cast<std::uint64_t>(message.offset);
  std::deque<MessageBlock>& blocks = partition.blocks;
  if (blocks.empty() || blocks.back().size() >= kBlockBytes) blocks.emplace_back();
  std::size_t before = blocks.back().size();
  if (!blocks.back().add(offset, value, options_.line_bytes_max)) {
    blocks.emplace_back().add(offset, value, options_.line_bytes_max);
    before = 0;
  }
  partition.bytes += blocks.back().size() - before;
  partition.next_offset = offset + 1;
  partition.is_at_end = false;
  partition.was_known = true;
}

void KafkaReader::take_error(Partition& partition, const rd_kafka_message_t& message) {
  const KafkaMessageError error = kafka_message_error(message.err);
  if (error == KafkaMessageError::kEnd) partition.is_at_end = partition.was_known = true;
  if (error == KafkaMessageError::kMissing) partition.is_out_of_range = true;
  if (auto failure = kafka_reading_error(error, partition.id, partition.next_offset,
                                         rd_kafka_message_errstr(&message)))
    partition.failure = std::move(failure);
}

// The client's thread for a broker that has nothing to ask for, since queues are full, sleeps for a
// second, whatever is taken meanwhile; what wakes it is a partition that goes on elsewhere. This
// one goes on where it is. So it is woken once its queue is empty, which loses nothing.
void KafkaReader::wake_fetcher(Partition& partition) {
  if (std::exchange(partition.was_full, false)) seek(partition);
}

void KafkaReader::seek(const Partition& partition) {
  rd_kafka_seek(partition.topic, static_cast<std::int32_t>(partition.id.number),
                static_cast<std::int64_t>(partition.next_offset), 0);
}

void KafkaReader::fail_all(const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    failure_ = Error{Errc::kIo, "reading from Kafka failed: " + reason};
  }
  tell_arrival();
}

void KafkaReader::take_statistics(std::string_view json) {
  const std::vector<PartitionHealth> health = read_kafka_health(json);
  bool all_answer = true;
  bool has_changed = false;
  {
    const std::lock_guard lock(mutex_);
    known_.clear();
    for (const PartitionHealth& one : health) {
      known_.push_back(one.partition);
      const auto read = partition_of_.find(one.partition);
      if (read == partition_of_.end()) continue;
      Partition& partition = *read->second;
      const bool is_waited_for = partition.blocks.empty();
      partition.answers = one.answers;
      partition.was_known = partition.was_known || one.is_known;
      // The library says so in no other way. What it says may be a moment old.
      partition.times_unknown = one.is_known ? 0 : partition.times_unknown + 1;
      if (partition.was_known && partition.times_unknown > 1 && !partition.failure)
        partition.failure = kafka_partition_removed(partition.id);
      all_answer = all_answer && (one.answers || !is_waited_for);
    }
    has_changed = std::exchange(is_out_of_reach_, !all_answer) == all_answer;
    for_end_.notify_all();
  }
  if (!options_.note || !has_changed) return;
  options_.note(all_answer
                    ? "Kafka answers again"
                    : fmt::format("Kafka does not answer, and is waited for: {}",
                                  errors_.text().empty() ? "no reason was given" : errors_.text()));
}

void KafkaReader::take_commit(rd_kafka_resp_err_t error) {
  const bool is_good = error == RD_KAFKA_RESP_ERR_NO_ERROR ||
                       error == RD_KAFKA_RESP_ERR__NO_OFFSET ||
                       kafka_message_error(error) == KafkaMessageError::kPasses;
  {
    const std::lock_guard lock(mutex_);
    if (commits_waiting_ > 0) --commits_waiting_;
    for_end_.notify_all();
    if (is_good || std::exchange(is_commit_refused_, true)) return;
  }
  if (options_.note) {
    options_.note(
        fmt::format("Kafka does not keep positions for group {}: {}; what is read does "
                    "not depend on them",
                    options_.group, kafka_error_text(error)));
  }
}

void KafkaReader::wake_thread() {
  {
    const std::lock_guard lock(wake_mutex_);
    has_news_ = true;
  }
  for_thread_.notify_one();
}

void KafkaReader::tell_arrival() {
  {
    const std::lock_guard lock(mutex_);
    has_arrived_ = true;
  }
  for_taker_.notify_one();
  if (options_.arrived) options_.arrived();
}
}  // namespace tocsin::runtime
