/// The API's operations on backtests.
#pragma once
#include "api/jobs/backtest_jobs.h"
#include "api/node/rule_service.h"
#include "api/rest/check_slots.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// All must outlive the router.
struct BacktestServices {
  BacktestJobs& jobs;
  RuleService& rules;
  CheckSlots& checks;
};
void add_backtest_routes(Router& router, BacktestServices services);
}  // namespace tocsin::api
