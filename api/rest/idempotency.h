/// Requests that are done once, however often they are sent: the header Idempotency-Key
/// (draft-ietf-httpapi-idempotency-key-header; as Stripe has it).
#pragma once
#include "api/rest/answer_store.h"
#include "api/rest/route.h"

namespace tocsin::api {
/// Answers by `act`, or with what was answered to the same key, token and request before (with the
/// header Idempotent-Replayed). A request without the header is just done. An answer that says that
/// nothing was done (4xx, 503) is not kept. Members of an answer that are shown once (`token`,
/// `secret`) are not kept either: `withheld` names them when it is given again.
HttpResponse answer_once(AnswerStore& answers, ApiRequest& request, const RouteHandler& act);
}  // namespace tocsin::api
