#include "api/delivery/attempt_outcome.h"

#include <fmt/format.h>

#include "api/net/http_message.h"

namespace tocsin::api {
AttemptOutcome attempt_outcome(const HttpReply& reply, std::int64_t now_s) {
  AttemptOutcome outcome{.status = reply.status, .error = reply.error};
  if (outcome.status != 0 && !outcome.is_success())
    outcome.error = fmt::format("answered {}", outcome.status);
  if (outcome.status == 429 || outcome.status == 503)
    outcome.retry_after = parse_retry_after(reply.retry_after, now_s);
  return outcome;
}
}  // namespace tocsin::api
