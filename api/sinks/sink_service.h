/// Writes what a server stores to topics, each stream on a thread of its own.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/node/kafka_settings.h"
#include "api/node/run_arguments.h"
#include "cep/base/result.h"
#include "runtime/io/byte_source.h"
#include "runtime/outputs/topic_sink.h"
#include "runtime/store/store.h"

namespace tocsin::api {
class Privacy;
/// Opens a topic to write to it; `patience`: how long it may wait for brokers.
using MakeTopicWriter = std::function<Result<runtime::OpenedTopic>(
    const KafkaSinkTopic& topic, const runtime::TailRequest& tail,
    std::chrono::milliseconds patience, const runtime::StopRequested& stop_requested)>;
struct SinkServiceOptions {
  KafkaSinkSettings settings;  // without topics: nothing is written, and nothing owed any more
  /// Asked while the topics are opened at the start.
  runtime::StopRequested stop_requested;
  /// What is worth telling: a line. On any thread.
  std::function<void(const std::string&)> note;
  /// By librdkafka, where it is empty. Tests make another one.
  MakeTopicWriter make_writer = {};
  /// What is written of an alert; empty: all.
  runtime::ShownAlert shown = {};
};

/// Threading: any, save that start() and stop() are called by one thread, once.
class SinkService {
 public:
  /// Told of a stream that can or cannot be written any more: its name, and why; on its thread.
  using Listener = std::function<void(const std::string& stream, const std::string& why)>;

  /// Before the effects of this start are committed: what comes from then on is owed. Opens each
  /// topic, where its brokers answer soon; others are opened later. Fails where a topic is not
  /// there (kNotFound), the brokers refuse (kDenied), or properties do not go (kInvalidArgument);
  /// kIo, kCorrupt of the store; kStopped.
  static Result<std::unique_ptr<SinkService>> open(runtime::Store& store,
                                                   SinkServiceOptions options);
  SinkService(const SinkService&) = delete;
  SinkService& operator=(const SinkService&) = delete;
  ~SinkService();

  /// Begins to write.
  void start(Listener listener);
  /// Effects were stored. Waits for nothing but a lock.
  void effects_changed();
  /// Writes what is owed, for a moment, and ends the threads. What is left stays owed.
  void stop();
  /// The first alert that retention must leave.
  std::uint64_t needed_from() const;
  std::vector<runtime::SinkFigures> figures() const;

 private:
  struct Lane {
    std::unique_ptr<runtime::TopicSink> sink;
    std::thread thread;
    bool has_news = true;     // with mutex_
    bool is_done = false;     // with mutex_
    bool is_told = false;     // that it cannot be written: in the log
    bool is_noticed = false;  // and to the listener
  };
  SinkService(runtime::Store& store, SinkServiceOptions options)
      : store_(store), options_(std::move(options)) {}
  Result<void> open_lanes();
  Result<std::unique_ptr<runtime::TopicSink>> open_sink(const KafkaSinkTopic& topic);
  void work(Lane& lane) noexcept;
  void write_all(Lane& lane);
  bool wait(Lane& lane, std::chrono::milliseconds at_most, bool for_news);
  void tell_failure(Lane& lane, const Error& error);
  void tell_listener(const Lane& lane, const std::string& why) const;
  void tell_notes(Lane& lane);

  runtime::Store& store_;
  const SinkServiceOptions options_;
  Listener listener_;
  std::atomic<bool> is_started_ = false;
  std::atomic<bool> is_abandoned_ = false;
  mutable std::mutex mutex_;
  std::condition_variable for_lanes_;
  std::condition_variable for_stop_;
  bool is_ending_ = false;
  std::vector<std::unique_ptr<Lane>> lanes_;
};
/// SinkService::open() at the start of a server. Alerts go to topics as `privacy` masks them,
/// unless the settings say otherwise; it outlives the service.
Outcome<std::unique_ptr<SinkService>> open_sinks(runtime::Store& store, SinkServiceOptions options,
                                                 const Privacy& privacy);
}  // namespace tocsin::api
