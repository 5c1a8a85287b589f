/// The API's operations on alerts: queries, export, live stream, triage, precision of rules.
#pragma once
#include <functional>
#include <string>

#include "api/alerts/alert_conditions.h"
#include "api/alerts/alert_feed.h"
#include "api/alerts/alert_query.h"
#include "api/alerts/triage_store.h"
#include "api/live/filter_names.h"
#include "api/live/live_alerts.h"
#include "api/privacy/privacy.h"
#include "api/rest/check_slots.h"
#include "api/rest/route.h"
#include "api/rest/router.h"
#include "runtime/effects/effect_store.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
/// All must outlive the router.
struct AlertRouteServices {
  const runtime::EffectStore& effects;
  TriageStore& triage;
  AlertFeed& feed;
  runtime::Clock& clock;
  AlertQueryLimits limits = {};
  /// What became of an alert's deliveries, as a JSON array; may be empty.
  std::function<Result<std::string>(const runtime::StoredAlert&)> deliveries = {};
  IsKnown is_known = {};  // for what goes on being answered; empty: everybody is
  /// Waits until all is stored that events caused which were answered before; false where that
  /// takes too long. May be empty.
  std::function<bool()> await_stored = {};
  const Privacy* privacy = nullptr;             // null: everybody is shown everything
  const AlertConditions* conditions = nullptr;  // null: there are no rules
  const FilterNames* names = nullptr;           // null: requests may name what they like
  ReadSlots* reads = nullptr;                   // null: as many queries run as are asked
  SharedPlaces* streams = nullptr;              // null: who asks may have all live streams
};
/// What live streams of alerts need of them.
LiveAlerts live_alerts(const AlertRouteServices& services);
void add_alert_routes(Router& router, AlertRouteServices& services);
}  // namespace tocsin::api
