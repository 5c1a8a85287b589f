/// Where a run's time went, for the author of its rules.
#pragma once
#include <cstddef>
#include <string>

#include "cep/plan/plan_fwd.h"
#include "library/explain/rule_analysis.h"
#include "runtime/event_time/run.h"

namespace tocsin::api {
/// The stages of the run, the rules and features that took most of matching, and what would change
/// that; several lines, each with its end. The summary has a profile.
std::string format_profile(const cep::Plan& plan, const runtime::RunSummary& summary);
/// The same of an engine alone, for programs: stages, and at most so many rules and features, the
/// dearest first; one line without its end. docs/api.md says what stands in it.
std::string profile_json(const cep::Plan& plan, const library::MeasuredRules& measured,
                         double seconds, std::size_t most);
}  // namespace tocsin::api
