/// The node of a server: one thread owns it, everybody else hands over lines or asks.
///
///   take(batch) ─▶ queue ──┐                                  ┌─(record on disk)─▶ its callback
///                ≤ count,  ├─▶ thread ─▶ Node::arrive ─▶ verdicts
///   ask(question) ─────────┘   bytes      │                   └─(effects stored)─▶ its alerts
///                                         └─▶ polls, heartbeats, figures
///
/// Invariants: an answer to lines is given only when the journal has them on disk and each was
/// judged; batches are taken whole, in the order in which they came; the thread never waits for who
/// asks; what waits is bounded, and more is refused at once, as all is while memory or the disk
/// have no room for more. Any failure of the node is final: everybody hears of it, and the process
/// should end and start anew.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "api/node/disk_waits.h"
#include "api/node/event_answer.h"
#include "api/node/event_producers.h"
#include "api/node/node_topics.h"
#include "cep/base/result.h"
#include "runtime/event_time/time_keeper.h"
#include "runtime/node/node.h"

namespace tocsin::api {
struct NodeServiceLimits {
  std::size_t batches_max = 10'000;               // that wait
  std::size_t bytes_max = std::size_t{64} << 20;  // of lines that wait; one batch may exceed it
  std::size_t questions_max = 64;                 // that wait
  std::size_t producers_max = 10'000;             // that are known at once
  std::size_t alerts_bytes_max = std::size_t{4} << 20;  // told with one answer
};
/// A source that holds time, or could.
struct SourceFigures {
  std::string name;
  bool is_holder = false;               // the first that holds the engine's time where it is
  std::optional<cep::Duration> behind;  // the source that is furthest; nothing: it has no time yet
  std::uint64_t events = 0;             // that were not late, by this process
};
/// How the node stands, as of a moment ago.
struct NodeFigures {
  std::optional<cep::Program> program;  // whose rules the summary counts by
  runtime::RunSummary summary;
  cep::EngineStats engine;
  runtime::CheckpointFigures checkpoints;
  runtime::EffectQueueStatus effects;
  runtime::JournalStatus journal;
  cep::EventTime watermark = cep::kEventTimeMin;
  std::size_t waiting_events = 0;  // to be put in order
  std::size_t waiting_bytes = 0;
  std::vector<SourceFigures> sources;                 // that are active
  std::vector<runtime::PartitionFigures> partitions;  // of topics that are read
  std::size_t unique_ids = 0;                         // that are known
  std::size_t unique_bytes = 0;
  /// When the newest checkpoint was complete, or taken by an earlier process; before the first one,
  /// when this process began.
  cep::EventTime checkpoint_at;
  std::size_t answers_waiting = 0;  // to events, for the disk
  /// From an event that was accepted to its alert that is stored; by this process.
  runtime::CommitTimes alert_times;
  // Of the queue before the node:
  std::size_t queued_questions = 0;
  std::size_t queued_batches = 0;
  std::size_t queued_bytes = 0;
  std::uint64_t batches = 0;          // taken
  std::uint64_t batches_refused = 0;  // because too much waited, or there was no room
  std::string no_room;                // why memory has none for more events; empty: it has
  std::uint64_t repeats_by_sequence = 0;
  std::size_t producers = 0;            // that are known
  std::uint64_t producers_expired = 0;  // by this process
};
struct NodeServiceOptions {
  NodeServiceLimits limits;
  /// After so long without a line time moves on with the clock. Nothing: it waits for lines.
  std::optional<cep::Duration> heartbeat;
  /// A partition of a topic, or pushing, without a message for so long holds back nobody. Only with
  /// topics.
  std::optional<cep::Duration> idle_after = {};
  /// Topics that are read besides. Nothing: none are.
  std::optional<NodeTopicOptions> topics = {};
  /// Topics of alerts that other engines write, too.
  std::optional<NodeTopicOptions> alert_topics = {};
  /// A producer that sends nothing for so long is forgotten. Nothing: none is.
  std::optional<cep::Duration> producers_expire = {};
  /// Told once when the node has failed, on some thread.
  std::function<void()> failed;
  /// Told on some thread when the node begins to wait for space on the disk, with the reason, and
  /// with an empty text when it goes on. May be empty.
  std::function<void(const std::string& reason)> space_changed = {};
  /// The archive cannot be written or is damaged, with the reason; empty: it is good again.
  std::function<void(const std::string& reason)> archive_changed = {};
  /// Told on some thread of an alert `tocsin.budget` of severity high, as it is raised or replayed.
  /// May be empty.
  std::function<void(const std::string& alert)> budget_exceeded = {};
};

class TicketClock;
struct NodeTicket;
struct NodeQuestion;
struct NodePursuit;
/// Threading: any, where nothing else is said.
class NodeService {
 public:
  NodeService(runtime::Clock& clock, NodeServiceOptions options);
  /// As stop(), without a checkpoint.
  ~NodeService();
  NodeService(const NodeService&) = delete;
  NodeService& operator=(const NodeService&) = delete;

  /// What else is told of effects that were stored; before start().
  void add_effects_listener(runtime::EffectQueue::Listener listener);
  /// Has the node's options tell this service what it must know. Before the node is opened.
  void listen(runtime::NodeOptions& options);
  /// Takes over the node, which was opened with options of listen(). Fails as the node does.
  Result<void> start(std::unique_ptr<runtime::Node> node);
  /// Takes nothing more, does what waits, takes a checkpoint where asked, and ends the thread; the
  /// node is closed then. Fails as the node did.
  Result<void> stop(bool with_checkpoint);

  /// Calls `answered` once the lines are on disk and judged, or cannot be: always, exactly once, on
  /// any thread, perhaps before this returns, and before stop() does. With kNotYet after `patience`
  /// they are nevertheless taken: a producer that is counted may send them again.
  void take(EventBatch batch, std::chrono::milliseconds patience, EventsAnswered answered);
  /// Has the node's thread run `question` and waits for its end; after `patience` without a begin
  /// it is not run (kNotYet). It must not wait for who asked.
  Served<void> ask(std::function<void(runtime::Node&)> question,
                   std::chrono::milliseconds patience);
  /// Has the node's thread run `step` between batches, again and again, until it gives true, and
  /// waits for that: for what goes on in chunks beside events. `patience` as of ask(); the step
  /// must not wait. With kEnding or kFailed it did not come to its end, and is not run any more.
  Served<void> pursue(std::function<bool(runtime::Node&)> step, std::chrono::milliseconds patience);
  /// Waits until the journal's record is on disk; kNotYet after `patience`, kFailed once the node
  /// has failed.
  Served<void> wait_durable(std::uint64_t record, std::chrono::milliseconds patience) {
    return disk_.wait_durable(record, patience);
  }
  /// Producers by name, behind `after`, at most `most`.
  Served<std::vector<ProducerFigures>> producers(const std::string& after, std::size_t most,
                                                 std::chrono::milliseconds patience);
  /// Nothing where it is not known.
  Served<std::optional<ProducerFigures>> producer(const std::string& name,
                                                  std::chrono::milliseconds patience);
  /// Forgets a producer with its sequence; false where it is not known. It is on disk then, unless
  /// as wait_durable() says. What the node itself says is in the result.
  Served<Result<bool>> remove_producer(const std::string& name, std::chrono::milliseconds patience);
  /// Waits until all is stored that events caused by the time they were answered, of all answers
  /// given so far; false after `patience`.
  bool await_stored(std::chrono::milliseconds patience) { return disk_.await_stored(patience); }
  /// Counts what the node has pushed of effects by then among what was answered.
  void note_answered(std::uint64_t pushed) { disk_.note_answered(pushed); }
  NodeFigures figures() const;
  /// Why the node failed; empty while it works.
  std::string failure() const;
  /// Alerts and what is set aside; from start() to the end of this service.
  runtime::EffectStore& effects() { return node_->effect_store(); }

 private:
  using Ticket = NodeTicket;  // of lines
  using Question = NodeQuestion;
  using Pursuit = NodePursuit;
  // Alerts of a batch's records are told to its ticket until no event of it waits any more.
  struct Watch {
    std::shared_ptr<Ticket> ticket;
    std::uint64_t first_record = 0;
    std::uint64_t last_record = 0;
    cep::EventTime newest;
  };

  std::optional<Refusal> put_in_queue(const std::shared_ptr<Ticket>& ticket, std::size_t bytes);
  // On the node's thread:
  void work();
  Result<void> prepare();
  Result<void> take_now(const std::shared_ptr<Ticket>& ticket);
  bool has_room(bool has_batch);
  Result<void> arrive(Ticket& ticket, std::size_t source, std::string_view lines);
  void await_alerts(const std::shared_ptr<Ticket>& ticket, std::uint64_t first_record);
  void look_at_watches();
  Result<void> look_at_clock(bool is_quiet);
  Result<void> open_topics();
  Result<void> open_event_topics();
  Result<void> open_alert_topics();
  Result<bool> read_topics(bool is_taking);
  void topics_arrived();
  Result<void> look_around(bool is_quiet);
  void pursue_all();
  void end_pursuits(const Refusal& refusal);
  void note_checkpoint();
  void note_archive();
  void publish();
  void judged(const runtime::JudgedLine& line);
  void raised(const runtime::StoredAlert& alert);
  void fail_all(const std::string& reason);
  Result<void> end();

  runtime::Clock& clock_;
  const NodeServiceOptions options_;
  std::vector<runtime::EffectQueue::Listener> effects_listeners_;
  std::unique_ptr<TicketClock> patience_;
  DiskWaits disk_;  // before the node, whose threads tell it
  std::unique_ptr<runtime::Node> node_;
  std::thread thread_;

  mutable std::mutex mutex_;  // for the queue
  std::condition_variable work_;
  std::deque<std::shared_ptr<Ticket>> batches_;
  std::deque<std::shared_ptr<Question>> questions_;
  std::size_t queued_bytes_ = 0;
  bool is_open_ = false;
  bool is_ending_ = false;
  bool have_topics_arrived_ = false;
  bool with_checkpoint_ = false;
  std::uint64_t batches_refused_ = 0;
  std::string failure_;
  std::string no_room_;
  NodeFigures figures_;

  // The node's thread's alone.
  runtime::TimeKeeper keeper_;
  std::size_t in_keeper_ = 0;
  EventProducers producers_;
  Ticket* current_ = nullptr;
  std::vector<std::pair<std::uint64_t, std::size_t>> current_records_;  // record, its first place
  std::vector<Watch> watches_;
  AcceptTimes accept_times_;
  std::vector<std::shared_ptr<Pursuit>> pursuits_;
  std::optional<NodeTopics> topics_;
  std::optional<NodeTopics> alert_topics_;
  std::uint64_t checkpoint_ = 0;  // the newest that was seen
  std::string archive_failure_;   // that was told
  cep::EventTime checkpoint_at_;
  std::uint64_t batches_taken_ = 0;
  std::uint64_t repeats_by_sequence_ = 0;
  std::chrono::steady_clock::time_point next_publication_;
  Result<void> outcome_;
};
}  // namespace tocsin::api
