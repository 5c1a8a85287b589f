/// How rules that are derived for a near miss are run.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "cep/base/result.h"
#include "cep/data/alert.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
/// Runs a plan over the events in question up to the end of time, as they ran before. Alerts in
/// order.
using Replay = std::function<Result<std::vector<Alert>>(std::shared_ptr<const Plan>)>;
}  // namespace tocsin::cep
