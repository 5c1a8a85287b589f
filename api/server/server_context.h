/// What the operations of a running server work on.
#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "api/base/configuration.h"
#include "api/net/http_server.h"
#include "api/node/node_service.h"
#include "api/node/rule_service.h"
#include "api/rest/answer_store.h"
#include "api/rest/audit_log.h"
#include "api/rest/body_budget.h"
#include "api/rest/problem.h"
#include "api/rest/token_store.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/effects/effect_store.h"
#include "runtime/io/clock.h"
#include "runtime/io/files.h"

namespace tocsin::api {
class SinkService;
class SubscriptionService;
/// Requests that were answered. Threading: any.
class HttpFigures {
 public:
  void add(int status, std::chrono::microseconds took) {
    const std::lock_guard lock(mutex_);
    ++by_status_[status];
    took_ += took;
  }
  std::map<int, std::uint64_t> by_status() const {
    const std::lock_guard lock(mutex_);
    return by_status_;
  }
  std::chrono::microseconds took() const {
    const std::lock_guard lock(mutex_);
    return took_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<int, std::uint64_t> by_status_;
  std::chrono::microseconds took_{0};
};

/// Sets of rules that are checked at once: each may take a processor for seconds. Threading: any.
class CheckSlots {
 public:
  /// Holds one of them, if there was one.
  class Slot {
   public:
    explicit Slot(CheckSlots& slots) : taken_(slots.taken_), is_one_(++taken_ <= kMost) {}
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot() { --taken_; }
    explicit operator bool() const { return is_one_; }

   private:
    std::atomic<int>& taken_;
    const bool is_one_;
  };
  /// The answer where there was none.
  static HttpResponse full();

 private:
  static constexpr int kMost = 2;
  std::atomic<int> taken_{0};
};

/// All outlives the routes. The node's own thread is behind `node`: questions are asked through it.
/// Effects may be read, and deliveries noted, from any thread.
struct ServerContext {
  NodeService& node;
  runtime::EffectStore& effects;
  runtime::Files& files;
  runtime::Clock& clock;
  const runtime::DataPaths& paths;
  RuleService& rules;
  const Configuration& configuration;
  TokenStore& tokens;
  BodyBudget& bodies;
  HttpFigures& http;
  AnswerStore& answers;
  AuditLog& audit;
  const std::atomic<bool>& is_closing;           // what waits comes to an end
  std::size_t line_bytes_max;                    // of an event
  SubscriptionService* subscriptions = nullptr;  // null: nothing is delivered
  const SinkService* sinks = nullptr;            // null: nothing is written to topics
  std::shared_ptr<CheckSlots> checks = std::make_shared<CheckSlots>();
};

/// The answer to a refusal of the node's service: 503 with Retry-After, or 409.
HttpResponse refusal_response(const Refusal& refusal);
/// Why the node's service takes no events for now; empty: it does.
std::string unreadiness_of(const NodeService& service);
/// How long a question may wait for the node's thread to begin.
inline constexpr std::chrono::milliseconds kAskPatience{10'000};
/// How long a question about what was stored waits for what was answered before it.
inline constexpr std::chrono::milliseconds kStoredPatience{2'000};
/// How long an answer waits for the journal to be on disk.
inline constexpr std::chrono::milliseconds kDiskPatience{30'000};
}  // namespace tocsin::api
