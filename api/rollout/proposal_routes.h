/// Requests that wait for another person: what waits, its approval, its withdrawal.
#pragma once
#include <optional>
#include <string>

#include "api/people/people_store.h"
#include "api/rest/access.h"
#include "api/rest/proposals.h"
#include "api/rest/router.h"
#include "api/rest/token_store.h"
#include "cep/value/time.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
/// All outlives the routes.
struct ProposalContext {
  ProposalStore& proposals;
  const TokenStore& tokens;
  const PeopleStore& people;
  runtime::Clock& clock;
};
/// What somebody may do now, known by TokenGrant::name and TokenGrant::by; nothing where their
/// token, or their role, does not count any more.
std::optional<TokenGrant> grant_now(const TokenStore& tokens, const PeopleStore& people,
                                    cep::EventTime now, const std::string& who,
                                    const std::string& by);
void add_proposal_routes(Router& router, const ProposalContext& context);
}  // namespace tocsin::api
