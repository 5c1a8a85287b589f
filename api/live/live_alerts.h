/// Alerts for who asks for them: which of them, how they are shown, and for how long they are.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <tl/expected.hpp>

#include "api/alerts/alert_conditions.h"
#include "api/alerts/alert_feed.h"
#include "api/alerts/alert_query.h"
#include "api/live/filter_names.h"
#include "api/net/http_stream.h"
#include "api/privacy/privacy.h"
#include "api/rest/check_slots.h"
#include "api/rest/route.h"
#include "runtime/effects/effect_store.h"

namespace tocsin::api {
/// Whether who asked is still known: by their token or role, and by the session of their browser
/// where they asked with its cookie.
using IsKnown = std::function<bool(const TokenGrant&, const std::optional<AskingSession>&)>;

/// All outlives the streams.
struct LiveAlerts {
  const runtime::EffectStore& effects;
  AlertFeed& feed;
  const Privacy* privacy = nullptr;             // null: everybody is shown everything
  const AlertConditions* conditions = nullptr;  // null: there are no rules
  IsKnown is_known = {};                        // empty: everybody is
  const FilterNames* names = nullptr;           // null: filters may name what they like
  SharedPlaces* streams = nullptr;              // null: who asks may have all
};

/// What masks alerts; empty for who sees all. A stream goes on when a field is marked.
MaskLine mask_for(const Privacy* privacy, const ApiRequest& request);
/// The filter of the query's parameters, or the answer to one that is none.
tl::expected<AlertFilter, HttpResponse> filter_for(const LiveAlerts& alerts,
                                                   const ApiRequest& request);
/// Whether an answer that goes on is still for who asked.
std::function<bool()> while_known(const IsKnown& is_known, const ApiRequest& request);

/// The stream that a request asks for by its filter, Last-Event-ID and `after`, or the answer that
/// refuses it.
tl::expected<std::shared_ptr<HttpStream>, HttpResponse> follow_alerts(const LiveAlerts& alerts,
                                                                      ApiRequest& request,
                                                                      AlertKinds kinds);
/// 200 with a stream of events.
HttpResponse event_stream(std::shared_ptr<HttpStream> stream);
/// The same for who asked; 503 where they have as many as one may.
HttpResponse event_stream(const LiveAlerts& alerts, const ApiRequest& request,
                          std::shared_ptr<HttpStream> stream);
/// 503: so many streams are open, as many as there may be.
HttpResponse too_many_streams(std::size_t most);
}  // namespace tocsin::api
