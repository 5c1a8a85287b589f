/// What the operations of a running server work on.
#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "api/base/configuration.h"
#include "api/net/body_budget.h"
#include "api/net/http_exchange.h"
#include "api/net/http_front.h"
#include "api/node/node_service.h"
#include "api/node/rule_service.h"
#include "api/rest/answer_store.h"
#include "api/rest/audit_log.h"
#include "api/rest/check_slots.h"
#include "api/rest/problem.h"
#include "api/rest/proposals.h"
#include "api/rest/route.h"
#include "api/rest/token_store.h"
#include "api/rollout/change_service.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/effects/effect_store.h"
#include "runtime/event_time/run_options.h"
#include "runtime/io/clock.h"
#include "runtime/io/files.h"
#include "runtime/journal/journal.h"
#include "runtime/store/rocks_store.h"

namespace tocsin::api {
class AuditWatch;
class BacktestJobs;
class EntryNotes;
class ErasureJobs;
class BackupService;
class PeopleStore;
class Privacy;
class RefusalTally;
class RuleCostWatch;
class RuleProfiler;
class SessionStore;
class SinkService;
class SubscriptionService;
class ViewStore;
/// Requests that were answered. Threading: any.
class HttpFigures {
 public:
  void add(int status, std::chrono::microseconds took) {
    const std::lock_guard lock(mutex_);
    ++by_status_[status];
    took_ += took;
  }
  /// Of a request with events, from its whole body on.
  void add_event_answer(std::chrono::duration<double> took) {
    const std::lock_guard lock(mutex_);
    event_answers_.add(took);
  }
  runtime::CommitTimes event_answers() const {
    const std::lock_guard lock(mutex_);
    return event_answers_;
  }
  std::map<int, std::uint64_t> by_status() const {
    const std::lock_guard lock(mutex_);
    return by_status_;
  }
  std::chrono::microseconds took() const {
    const std::lock_guard lock(mutex_);
    return took_;
  }
  /// From here on connections() is what `ask` gives, which may be called from any thread.
  void count_connections(std::function<ConnectionFigures()> ask) {
    const std::lock_guard lock(mutex_);
    connections_ = std::move(ask);
  }
  ConnectionFigures connections() const {
    const std::lock_guard lock(mutex_);
    return connections_ ? connections_() : ConnectionFigures();
  }

 private:
  mutable std::mutex mutex_;
  std::map<int, std::uint64_t> by_status_;
  std::chrono::microseconds took_{0};
  runtime::CommitTimes event_answers_;
  std::function<ConnectionFigures()> connections_;
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
  ChangeService& changes;
  const Configuration& configuration;
  TokenStore& tokens;
  PeopleStore& people;
  ViewStore& views;
  BodyBudget& bodies;
  HttpFigures& http;
  AnswerStore& answers;
  AuditLog& audit;
  const RefusalTally& refusals;
  ProposalStore& proposals;
  const std::atomic<bool>& is_closing;           // what waits comes to an end
  std::size_t line_bytes_max;                    // of an event
  SubscriptionService* subscriptions = nullptr;  // null: nothing is delivered
  const SinkService* sinks = nullptr;            // null: nothing is written to topics
  SessionStore* sessions = nullptr;              // null: there is no console
  const AuditWatch* audit_watch = nullptr;       // null: nobody goes through the audit log
  const Privacy* privacy = nullptr;              // null: everybody is shown everything
  std::shared_ptr<CheckSlots> checks = std::make_shared<CheckSlots>();
  std::shared_ptr<ReadSlots> reads = std::make_shared<ReadSlots>();
  std::shared_ptr<EntryNotes> entry_notes = nullptr;    // open_jobs()
  std::shared_ptr<BacktestJobs> backtests = nullptr;    // open_jobs()
  std::shared_ptr<ErasureJobs> erasures = nullptr;      // open_jobs()
  std::shared_ptr<BackupService> backups = nullptr;     // null: no place for them is configured
  std::shared_ptr<RuleProfiler> profiler = nullptr;     // open_jobs()
  std::shared_ptr<RuleCostWatch> rule_costs = nullptr;  // null: rules are not measured for metrics
};
/// Gives the context its erasures and its backtests, which are judged by time as `options` say, its
/// backups, and the notes of lists' entries; `store` has the effects. What is damaged there is
/// told. Fails as BacktestJobs::open(), and with kInvalidArgument for a place of backups in the
/// data directory.
Result<void> open_jobs(ServerContext& context, runtime::RocksStore& store,
                       const runtime::RunOptions& options);
/// Ends what they do; before the node ends.
void stop_jobs(ServerContext& context);

/// 403 for a request whose answer has values of events as they are, where the asker is not shown
/// personal data; else notes the read for the audit log.
std::optional<HttpResponse> refused_unmasked(const Privacy* privacy, ApiRequest& request);
/// The answer to a refusal of the node's service: 503 with Retry-After, or 409.
HttpResponse refusal_response(const Refusal& refusal);
/// How long a question may wait for the node's thread to begin.
inline constexpr std::chrono::milliseconds kAskPatience{10'000};
/// How long a question about what was stored waits for what was answered before it.
inline constexpr std::chrono::milliseconds kStoredPatience{2'000};
/// How long an answer waits for the journal to be on disk.
inline constexpr std::chrono::milliseconds kDiskPatience{30'000};
}  // namespace tocsin::api
