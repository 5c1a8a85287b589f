/// What a caller of NodeService waits for.
#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "api/node/event_answer.h"

namespace tocsin::runtime {
class Node;
}
namespace tocsin::api {
struct NodeTicket {
  EventBatch batch;
  std::chrono::steady_clock::time_point accepted_at;  // with all its lines
  std::size_t skipped = 0;      // lines that were taken before; the node's thread's
  std::size_t alert_bytes = 0;  // likewise
  std::uint64_t pushed = 0;     // effects by the time it was taken, likewise
  bool is_cut = false;          // alerts were left out; likewise

  std::mutex mutex;
  std::condition_variable changed;
  EventAnswer answer;
  std::optional<Refusal> refusal;
  bool is_done = false;
  bool has_alerts = false;  // all of them

  void finish() {
    {
      const std::lock_guard lock(mutex);
      is_done = true;
    }
    changed.notify_all();
  }
  void finish_alerts() {
    {
      const std::lock_guard lock(mutex);
      has_alerts = true;
    }
    changed.notify_all();
  }
  void refuse(const Refusal& why) {
    {
      const std::lock_guard lock(mutex);
      is_done = true;
      refusal = why;
    }
    changed.notify_all();
  }
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
