/// The API's operations on what people made of alerts, and the precision of rules by that.
#pragma once
#include <functional>

#include "api/alerts/asked_alerts.h"
#include "api/alerts/triage_store.h"
#include "api/rest/router.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
/// What it borrows must outlive the router.
struct TriageRouteServices {
  AskedAlerts alerts;
  TriageStore& triage;
  runtime::Clock& clock;
  /// Told of each change once it is durable; may be empty.
  std::function<void(const runtime::StoredAlert& alert, const TriageRecord& record)> changed = {};
  /// The answer for a rule that there never was; nothing for others. May be empty.
  std::function<std::optional<HttpResponse>(std::string_view rule)> refused_rule = {};
};
void add_triage_routes(Router& router, const TriageRouteServices& services);
}  // namespace tocsin::api
