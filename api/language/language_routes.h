/// Operations on rule texts that are not saved.
#pragma once
#include <memory>

#include "api/rest/check_slots.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// `POST /v1/rules/validate`, `/format`, `/test`, `/explain` and `/language`.
void add_language_routes(Router& router, const std::shared_ptr<CheckSlots>& checks);
}  // namespace tocsin::api
