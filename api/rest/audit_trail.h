/// Which requests the audit log hears of, and what of them.
#pragma once
#include "api/rest/audit_log.h"
#include "api/rest/refusal_tally.h"
#include "api/rest/route.h"

namespace tocsin::api {
/// The note (ApiRequest::notes) with the key of events or alerts by which the body of a request
/// asks. What is written down of it is what is written of a key in a path or query.
inline constexpr const char* kKeyReadNote = "key_read";
/// Answers by `act`; where the route changes something, what was done and how it went is in the
/// log, before it is begun and before it is answered. What cannot be written down is not done.
/// `refusals` may be null.
HttpResponse answer_audited(AuditLog& log, RefusalTally* refusals, const Route& route,
                            ApiRequest& request, const RouteHandler& act);
/// Notes that a request was refused for want of a token or role; `route` is null where there is
/// none of its path and method. Waits for nothing.
void note_refusal(RefusalTally& refusals, const Route* route, const ApiRequest& request,
                  int status);
}  // namespace tocsin::api
