/// The API's operations on silences.
#pragma once
#include "api/outbox/silence_service.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// The service must outlive the router.
/// `privacy`, which may be null, says who sees personal data.
void add_silence_routes(Router& router, SilenceService& service, const Privacy* privacy);
}  // namespace tocsin::api
