/// The operations about views: filters of alerts that people have saved.
#pragma once
#include <functional>

#include "api/people/view_store.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// `masks`: whether somebody is shown marks for personal data; they do not see what others have
/// written into a view of values of events. All outlives the routes.
void add_view_routes(Router& router, ViewStore& views,
                     std::function<bool(const TokenGrant&)> masks);
}  // namespace tocsin::api
