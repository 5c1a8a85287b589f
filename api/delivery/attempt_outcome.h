/// What an endpoint's answer means for the delivery.
#pragma once
#include <cstdint>

#include "api/delivery/delivery_queue.h"
#include "api/net/http_client.h"

namespace tocsin::api {
/// `now_s`: seconds since 1970, for a `Retry-After` that is a date.
AttemptOutcome attempt_outcome(const HttpReply& reply, std::int64_t now_s);
}  // namespace tocsin::api
