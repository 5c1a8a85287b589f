/// What of a server may be followed beside its alerts: rules, notices, health, backtests.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
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
};
struct ServerChanges {
  std::vector<ChangeTopic> looked_at;
  std::vector<LiveTopic> topics;
};
ServerChanges server_changes(const ServerChangeSources& sources);
}  // namespace tocsin::api
