/// What was done with an alert, as answers show it.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "api/alerts/triage_store.h"

namespace tocsin::api {
/// State, version, what may be done next, and all that was done.
nlohmann::ordered_json triage_json(const TriageRecord& record);
}  // namespace tocsin::api
