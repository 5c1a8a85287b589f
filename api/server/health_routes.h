/// Whether the server lives and is ready, and what it is.
#pragma once
#include <functional>
#include <string>

#include "api/rest/router.h"

namespace tocsin::api {
/// Why the server is not ready; empty where it is.
using Unreadiness = std::function<std::string()>;
void add_health_routes(Router& router, Unreadiness unreadiness);
}  // namespace tocsin::api
