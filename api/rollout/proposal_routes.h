/// Requests that wait for another person: what waits, its approval, its withdrawal.
#pragma once
#include "api/people/people_store.h"
#include "api/rest/proposals.h"
#include "api/rest/router.h"
#include "api/rest/token_store.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
/// All outlives the routes.
struct ProposalContext {
  ProposalStore& proposals;
  const TokenStore& tokens;
  const PeopleStore& people;
  runtime::Clock& clock;
};
void add_proposal_routes(Router& router, const ProposalContext& context);
}  // namespace tocsin::api
