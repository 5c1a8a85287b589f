/// What was done with an alert, as answers show it.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "api/alerts/triage_store.h"

namespace tocsin::api {
/// State, version, what may be done next, and all that was done.
nlohmann::ordered_json triage_json(const TriageRecord& record);
/// What came of one alert of several: the status that a request for it alone would have, and why;
/// where its triage was read, the state that it has now, and of a refused one what was done last,
/// without its comment.
nlohmann::ordered_json outcome_json(const TriageOutcome& outcome);
}  // namespace tocsin::api
