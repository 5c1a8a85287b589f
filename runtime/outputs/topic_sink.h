/// A stream of effects written to a topic: each message is there once, for who reads committed
/// messages alone, whatever ends this process, the broker or the connection, and when.
///
/// Batches of messages are written whole, and the mark in the alert store follows. Whenever it is
/// not known what became of a batch, the writer is opened again, which ends the one before, and
/// what the topic has from the mark's places on is read back; what is there already is not written
/// again. docs/decisions/0053-kafka-sinks.md goes through every moment of a crash.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cep/base/result.h"
#include "runtime/effects/sink_mark.h"
#include "runtime/outputs/sink_feed.h"
#include "runtime/outputs/topic_writer.h"
#include "runtime/store/store.h"

namespace tocsin::runtime {
struct TopicSinkOptions {
  SinkStream stream = SinkStream::kAlerts;
  std::string topic;
  std::string writer;  // the id under which it writes; one process at a time has it
  bool with_shadow = false;
  ShownAlert shown = {};  // what is written of an alert; empty: all
  SinkFeedLimits limits = {};
};
/// Before the effects of a start are committed: what they bring about is owed to the topic from now
/// on, synced. A stream that is owed already goes on where it was, also to another topic. Errors of
/// all: kIo, kCorrupt.
Result<void> begin_sink(Store& store, const TopicSinkOptions& options);
/// The stream is owed to nobody any more: synced. Gives what was owed, or nothing where it was owed
/// to nobody.
Result<std::optional<std::uint64_t>> end_sink(Store& store, SinkStream stream);

enum class SinkState : std::uint8_t { kWaiting, kOpen, kFenced };
struct SinkFigures {
  SinkStream stream = SinkStream::kAlerts;
  std::string topic;
  SinkState state = SinkState::kWaiting;
  std::uint64_t written = 0;  // messages, by this process
  std::uint64_t found = 0;    // of those owed, messages that the topic had already
  std::uint64_t errors = 0;
  std::string last_error;  // empty: all is well
  SinkDebt debt;
};

/// Threading: step() by one thread; the rest by any.
class TopicSink {
 public:
  /// After begin_sink(); the store must outlive it.
  static Result<std::unique_ptr<TopicSink>> open(Store& store, TopicSinkOptions options,
                                                 OpenTopic open_topic);

  /// Opens the topic, where that is still to do, without writing. Errors: those of OpenTopic.
  Result<void> connect();
  /// Opens the topic where it must, and writes one batch; false: nothing is owed. A failure is one
  /// of OpenTopic or TopicWriter::write(), after which step() may be called again, save for
  /// kConflict: another process has the writer id; or one of the store.
  Result<bool> step();
  /// The first alert that retention must leave.
  std::uint64_t needed_from() const;
  SinkFigures figures() const;
  /// What people should know, since the last call.
  std::vector<std::string> take_notes();
  const TopicSinkOptions& options() const { return options_; }

 private:
  TopicSink(Store& store, TopicSinkOptions options, OpenTopic open_topic)
      : store_(store),
        options_(std::move(options)),
        open_topic_(std::move(open_topic)),
        limits_(options_.limits) {}
  Result<bool> write_batch();
  Result<void> write_mark(std::uint64_t number, bool sync);
  bool take_present(const std::string& key);
  Result<void> write_messages(std::span<const TopicMessage> messages);
  Result<void> note(Error error);

  Store& store_;
  const TopicSinkOptions options_;
  const OpenTopic open_topic_;
  // The thread of step().
  std::unique_ptr<TopicWriter> writer_;  // null: to be opened
  // What the next mark has of these (SinkMark).
  TopicPlaces places_;
  std::map<std::string, std::uint32_t> present_;
  SinkFeedLimits limits_;     // less than the options' after a batch that was too large
  std::size_t unsynced_ = 0;  // messages whose mark may not be on disk

  mutable std::mutex mutex_;
  SinkMark mark_;  // written by the thread of step()
  SinkFigures figures_;
  std::vector<std::string> notes_;
};
}  // namespace tocsin::runtime
