/// `GET /v1/series`.
#pragma once
#include <memory>

#include "api/health/series.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// The router keeps the recorder; null: none is kept, and the operation answers 404.
void add_series_route(Router& router, std::shared_ptr<const SeriesRecorder> recorder,
                      runtime::Clock& clock);
}  // namespace tocsin::api
