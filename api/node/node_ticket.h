/// What a caller of NodeService waits for.
#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "api/node/event_answer.h"

namespace tocsin::runtime {
class Node;
}
namespace tocsin::api {
struct NodeTicket;
/// Ends the patience of those who wait for an answer to events. It has a thread of its own, since
/// the node's may wait for a disk. Threading: any.
class TicketClock {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  using Waiting = std::multimap<Moment, std::shared_ptr<NodeTicket>>;
  TicketClock() = default;
  ~TicketClock();
  TicketClock(const TicketClock&) = delete;
  TicketClock& operator=(const TicketClock&) = delete;
  /// Once.
  void start();
  /// Calls lose_patience() then, unless forget() comes first; a later watch() replaces it.
  void watch(const std::shared_ptr<NodeTicket>& ticket, Moment by);
  void forget(NodeTicket& ticket);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  Waiting waiting_;
  Moment wakes_at_ = Moment::max();  // what comes sooner has to wake the thread
  bool ends_ = false;
  std::thread thread_;
};

/// A batch and who waits for its verdicts: `answered` is called once, on whichever thread ends the
/// wait, and no lock is held then. What comes after it changes nothing.
struct NodeTicket : std::enable_shared_from_this<NodeTicket> {
  NodeTicket(EventBatch batch_in, EventsAnswered answered_in, TicketClock& clock_in)
      : batch(std::move(batch_in)), clock(clock_in), answered(std::move(answered_in)) {}

  EventBatch batch;                                   // its lines are the node's thread's
  std::chrono::steady_clock::time_point accepted_at;  // with all its lines
  std::chrono::steady_clock::time_point by;           // whose patience ends
  std::size_t skipped = 0;      // lines that were taken before; the node's thread's
  std::size_t alert_bytes = 0;  // likewise
  std::uint64_t pushed = 0;     // effects by the time it was taken, likewise
  bool is_cut = false;          // alerts were left out; likewise

  TicketClock& clock;
  std::optional<TicketClock::Waiting::iterator> place;  // the clock's

  std::mutex mutex;         // before the clock's
  EventsAnswered answered;  // empty once it was called
  EventAnswer answer;       // its verdicts are the node's thread's until finish()
  bool is_done = false;     // the events are on disk and judged
  bool has_alerts = false;  // all of them

  /// The events are on disk and judged.
  void finish();
  /// All alerts of them are stored that they cause now.
  void finish_alerts();
  /// The node does no more about it: refused, unless the events are taken already.
  void refuse(const Refusal& why);
  void lose_patience();
  /// Whether nobody waits any more.
  bool is_over();

 private:
  void give(std::unique_lock<std::mutex>& lock, Served<EventAnswer> what);
};
struct NodeQuestion {
  std::function<void(runtime::Node&)> run;
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Refusal> refusal;
  bool is_begun = false;
  bool is_done = false;
  bool is_called_off = false;
};
struct NodePursuit {
  std::function<bool(runtime::Node&)> step;
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Refusal> refusal;
  bool is_done = false;

  void end(std::optional<Refusal> why) {
    {
      const std::lock_guard lock(mutex);
      refusal = std::move(why);
      is_done = true;
    }
    changed.notify_all();
  }
};
}  // namespace tocsin::api
