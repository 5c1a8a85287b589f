/// What of alerts a token with limits is shown.
#pragma once
#include <string_view>

#include "api/rest/access.h"

namespace tocsin::api {
/// Whether an alert is in a scope: one of its tags is, and it shows events, all of types that are.
/// `line` is the alert in format 1.
bool is_alert_in(const TokenScope& scope, std::string_view line);
}  // namespace tocsin::api
