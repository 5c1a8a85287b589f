/// The API's operations on silences.
#pragma once
#include "api/outbox/silence_service.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// The service must outlive the router.
void add_silence_routes(Router& router, SilenceService& service);
}  // namespace tocsin::api
