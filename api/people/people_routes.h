/// The operations about people: who has which role.
#pragma once
#include "api/people/people_store.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// Both outlive the routes.
void add_people_routes(Router& router, PeopleStore& people);
}  // namespace tocsin::api
