/// Whether the server lives, is ready and is well, and what it is.
#pragma once
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/health/health.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// Why the server is not ready; empty where it is.
using Unreadiness = std::function<std::string()>;
/// /livez, /readyz, /v1/version.
void add_health_routes(Router& router, Unreadiness unreadiness);
struct Health {
  std::string unreadiness = {};  // empty: it is ready
  std::vector<HealthCause> causes = {};
};
/// As it is answered; with `is_limited` without causes that concern more than a limited token is
/// shown, whose number is `hidden`.
nlohmann::ordered_json health_document(Health health, bool is_limited);
/// GET /v1/health, of what `ask` gives.
void add_health_report(Router& router, std::function<Health()> ask);
}  // namespace tocsin::api
