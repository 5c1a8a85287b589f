/// The facts of a running server that its health is judged by.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/backup/backup_service.h"
#include "api/base/configuration.h"
#include "api/custody/audit_watch.h"
#include "api/health/health_routes.h"
#include "api/node/node_service.h"
#include "api/outbox/subscription_service.h"
#include "api/sinks/sink_service.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
/// Why the node's service takes no events for now; empty: it does.
std::string unreadiness_of(const NodeService& service);

/// The limits that the settings `health.…` say.
HealthLimits health_limits(const Configuration& configuration);

/// What is asked. All outlives the questions.
struct HealthSources {
  const NodeService& node;
  SubscriptionService* subscriptions;  // null: nothing is delivered
  const SinkService* sinks;            // null: nothing is written to topics
  const BackupService* backups;        // null: none are made
  runtime::Clock& clock;
  std::string directory;  // with the data
  const Configuration& configuration;
  const AuditWatch* audit;  // null: nobody goes through the audit log
  struct Validity {
    cep::EventTime begins, ends;
  };
  /// Of the list of revoked certificates that is out of date first; nothing: there are no lists.
  std::function<std::optional<Validity>()> revocations = {};
};
/// Threading: any.
class ServerHealth {
 public:
  explicit ServerHealth(HealthSources sources);
  /// All that is wrong; `unreadiness` is why it is not ready.
  Health ask(std::string unreadiness);

 private:
  // Whether the journal has had records since the newest checkpoint was first seen here.
  bool has_news(const NodeFigures& figures);
  // Says of each cause since when it has been seen, and forgets those that are gone.
  void date(std::vector<HealthCause>& causes, cep::EventTime now);

  const HealthSources sources_;
  std::mutex mutex_;
  std::uint64_t checkpoint_ = 0;                                       // the newest that was seen
  std::uint64_t records_ = 0;                                          // that the journal had then
  std::map<std::pair<HealthCode, std::string>, cep::EventTime> seen_;  // when each cause first was
  const cep::EventTime began_;  // before which no backup is expected
};
}  // namespace tocsin::api
