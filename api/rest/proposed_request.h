/// A request as a proposal that waits for another person, and back.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "api/net/http_exchange.h"
#include "api/rest/proposals.h"
#include "api/rest/route.h"

namespace tocsin::api {
/// What is kept of a request: all that its operation may read, and no token. Before anybody has
/// taken its body.
Proposal proposal_of(std::string operation, std::string reason, const ApiRequest& request);
/// The request again.
HttpRequest proposed_request(const Proposal& proposal);
/// As it is shown: a body that is JSON as such, another one as text.
nlohmann::ordered_json proposal_json(const ProposalStore& store, const Proposal& proposal);
}  // namespace tocsin::api
