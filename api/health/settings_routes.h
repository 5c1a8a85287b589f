/// `GET /v1/settings`.
#pragma once
#include <string>
#include <string_view>

#include "api/base/configuration.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// Where a value came from, by its origin: "default", "file", "environment", "option", or
/// "directory": it was set when the data directory was begun.
std::string_view source_of_origin(std::string_view origin);
/// The value of a setting as it is shown: without the user and password of URLs.
std::string shown_value(std::string_view text);
/// Adds the route; the configuration must outlive the router.
void add_settings_route(Router& router, const Configuration& configuration);
}  // namespace tocsin::api
