/// Who waits until something is on disk: answers to events for the journal, their alerts and some
/// callers for the store of effects.
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
#include <utility>
#include <vector>

#include "api/node/event_answer.h"
#include "cep/base/result.h"
#include "runtime/effects/effect_queue.h"
#include "runtime/journal/journal.h"

namespace tocsin::api {
struct NodeTicket;
/// When the events of the newest journal records were accepted, for alerts that they cause.
/// Threading: one thread.
class AcceptTimes {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// Records from `first` on are of events that were accepted then, until end().
  void begin(std::uint64_t first, Time at);
  void end(std::uint64_t behind_last);
  /// That event raised an alert. One of a record that is not known, of a replay or long ago, counts
  /// for nothing.
  void raised(std::uint64_t record);
  bool has_raised() const { return !raised_.empty(); }
  /// When their events were accepted, of all alerts since it was asked last.
  std::vector<Time> take() { return std::exchange(raised_, {}); }

 private:
  struct Records {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    Time at;
  };
  std::deque<Records> records_;  // in order
  std::vector<Time> raised_;
};

/// Threading: any.
class DiskWaits {
 public:
  using Tickets = std::vector<std::shared_ptr<NodeTicket>>;
  struct Status {
    runtime::JournalStatus journal;
    std::size_t answers_waiting = 0;
    runtime::CommitTimes alerts;  // from the event to the stored alert
  };
  /// `space_changed`: NodeServiceOptions::space_changed.
  explicit DiskWaits(std::function<void(const std::string&)> space_changed)
      : space_changed_(std::move(space_changed)) {}

  void journal_changed(const runtime::JournalStatus& status);
  void effects_changed(const runtime::EffectQueueStatus& status);
  /// The journal is on disk up to there.
  void begin(std::uint64_t durable_end);

  /// Answers once the journal has the record on disk.
  void answer(const std::shared_ptr<NodeTicket>& ticket, std::uint64_t last_record);
  /// Completes the alerts of answers, once the store has all effects that were pushed by then.
  void answer_alerts(const Tickets& tickets, std::uint64_t pushed);
  /// Alerts whose events were accepted then are stored once the store has what was pushed by now.
  void time_alerts(std::vector<AcceptTimes::Time> accepted, std::uint64_t pushed);
  /// The node has failed under this batch: it is answered by who calls fail().
  void add_failed(const std::shared_ptr<NodeTicket>& ticket);
  /// Nothing moves any more: the node has failed, or ended. Gives the tickets that waited.
  Tickets fail();
  /// Fails with kIo once the journal has failed.
  Result<void> check() const;
  Status status() const;

  /// Why no events are accepted: while the journal waits for space, who asks would wait as long,
  /// and the node's thread, which answers questions, with them. Or as many answers wait as may.
  std::optional<Refusal> look_for_space(std::size_t answers_max) const;
  /// NodeService::wait_durable(), note_answered(), await_stored().
  Served<void> wait_durable(std::uint64_t record, std::chrono::milliseconds patience);
  void note_answered(std::uint64_t pushed);
  bool await_stored(std::chrono::milliseconds patience);

 private:
  // Why the journal or the store waits for space; empty: neither does. With mutex_.
  std::string no_space() const;
  void add_times(const std::vector<AcceptTimes::Time>& accepted);  // with mutex_
  void tell_space(const std::string& before, const std::string& now) const;

  const std::function<void(const std::string&)> space_changed_;
  mutable std::mutex mutex_;
  std::condition_variable durable_;  // durable_end_ has moved, or nothing moves any more
  std::condition_variable stored_;   // committed_ has moved, or nothing moves any more
  bool has_failed_ = false;
  std::uint64_t durable_end_ = 0;
  std::uint64_t committed_ = 0;
  std::uint64_t answered_ = 0;  // pushes of effects that were made by the time of an answer
  std::deque<std::pair<std::uint64_t, std::shared_ptr<NodeTicket>>> pending_;  // by last record
  std::deque<std::pair<std::uint64_t, std::shared_ptr<NodeTicket>>> pending_alerts_;    // by push
  std::deque<std::pair<std::uint64_t, std::vector<AcceptTimes::Time>>> pending_times_;  // by push
  runtime::CommitTimes alerts_;
  runtime::JournalStatus journal_;
  std::string no_space_of_store_;  // EffectQueueStatus::no_space
};
}  // namespace tocsin::api
