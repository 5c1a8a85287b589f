/// All operations of a running server, in one list.
#pragma once
#include "api/health/health_routes.h"
#include "api/people/identities.h"
#include "api/rest/router.h"
#include "api/rest/session_store.h"
#include "api/server/alert_services.h"
#include "api/server/metrics.h"
#include "api/server/server_context.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
/// By what the server knows now. All outlives what it gives; `sessions` may be null.
/// Lets a router ask who somebody is, tell of their use, and ask again. All outlives it.
void use_identities(RouterOptions& options, const Identities& identities, runtime::Clock& clock);
IsKnown known_by(const Identities& identities, const SessionStore* sessions, runtime::Clock& clock);
/// What the routes of alerts ask of the context, which outlives them.
AlertRoutePorts alert_ports(const ServerContext& context, IsKnown is_known);
/// `settings` are those that hold, with what the data directory keeps; they outlive the router.
/// `unreadiness` is asked from any thread. `alerts` has added its routes before.
void add_server_routes(Router& router, ServerContext& context, const AlertServices& alerts,
                       const Configuration& settings, Unreadiness unreadiness);
}  // namespace tocsin::api
