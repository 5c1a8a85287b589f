/// Operations on rule texts that are not saved.
#pragma once
#include <memory>

#include "api/rest/check_slots.h"
#include "api/rest/router.h"

namespace tocsin::api {
class RuleService;
/// `POST /v1/rules/validate`, `/format`, `/test`, `/explain` and `/language`.
/// `rules` are the active ones, and outlive the routes.
void add_language_routes(Router& router, const std::shared_ptr<CheckSlots>& checks,
                         const RuleService& rules);
}  // namespace tocsin::api
