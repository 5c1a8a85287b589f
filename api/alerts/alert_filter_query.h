/// A filter of alerts as the parameters of a query.
#pragma once
#include <cstddef>
#include <tl/expected.hpp>
#include <vector>

#include "api/alerts/alert_query.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// How long a filter's condition may be.
inline constexpr std::size_t kConditionBytesMax = 10'000;
/// Parameters of a query that say which alerts are meant.
std::vector<RouteParameter> alert_filter_parameters();
/// Reads them. Refuses what is no filter with the answer to give.
tl::expected<AlertFilter, HttpResponse> read_alert_filter(const ApiRequest& request);
}  // namespace tocsin::api
