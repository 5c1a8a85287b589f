/// The API's operations on backtests.
#pragma once
#include <functional>
#include <vector>

#include "api/jobs/backtest_jobs.h"
#include "api/jobs/backtest_work.h"
#include "api/node/rule_service.h"
#include "api/rest/check_slots.h"
#include "api/rest/router.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::api {
/// All must outlive the router.
struct BacktestServices {
  BacktestJobs& jobs;
  RuleService& rules;
  CheckSlots& checks;
  /// As BacktestResources has it.
  std::function<BacktestResources::Masker(const std::vector<const cep::Plan*>&)> masker_of = {};
};
void add_backtest_routes(Router& router, BacktestServices services);
}  // namespace tocsin::api
