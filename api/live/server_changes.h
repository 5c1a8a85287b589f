/// What of a server may be followed beside its alerts: rules, what waits for approval, notices,
/// health, backtests.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/alerts/notices.h"
#include "api/health/health_routes.h"
#include "api/jobs/backtest_jobs.h"
#include "api/live/change_feed.h"
#include "api/live/live_route.h"

namespace tocsin::api {
/// All outlives the feed.
struct ServerChangeSources {
  std::function<std::uint64_t()> rules_version;  // that is active
  const Notices& notices;
  std::function<Health()> health;
  std::shared_ptr<const BacktestJobs> backtests;
  /// What waits for the approval of others, by its id, and how many have approved it.
  std::function<std::map<std::string, std::size_t>()> waiting;
};
struct ServerChanges {
  std::vector<ChangeTopic> looked_at;
  std::vector<LiveTopic> topics;
};
ServerChanges server_changes(const ServerChangeSources& sources);
}  // namespace tocsin::api
