/// Filters of alerts as people write them: `{"rules":[…],"tags":[…],"least_severity":"high",
/// "key":{"card":"c1"},"condition":"amount > 100"}`.
#pragma once
#include <cstddef>
#include <nlohmann/json_fwd.hpp>

#include "api/alerts/alert_query.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// Reads one into a filter that admits all; lists have at most so many entries. A condition is
/// taken as text: whether it fits the rules is another question. Errors: kInvalidArgument, naming
/// the member and what it takes.
Result<void> read_alert_filter(const nlohmann::ordered_json& value, std::size_t list_max,
                               AlertFilter& filter);
/// The same back.
nlohmann::ordered_json alert_filter_json(const AlertFilter& filter);
}  // namespace tocsin::api
