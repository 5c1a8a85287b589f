/// Where a run's time went, for the author of its rules.
#pragma once
#include <string>

#include "cep/plan/plan_fwd.h"
#include "runtime/event_time/run.h"

namespace tocsin::api {
/// The stages of the run, the rules and features that took most of matching, and what would change
/// that; several lines, each with its end. The summary has a profile.
std::string format_profile(const cep::Plan& plan, const runtime::RunSummary& summary);
}  // namespace tocsin::api
