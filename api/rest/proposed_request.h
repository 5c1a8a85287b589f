/// A request as a proposal that waits for another person, and back.
#pragma once
#include <cstdint>
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
/// As it is shown: with its body as the text that was sent, which is what would be done; or without
/// it, where many are shown.
enum class ProposalBody : std::uint8_t { kLeftOut, kShown };
nlohmann::ordered_json proposal_json(const ProposalStore& store, const Proposal& proposal,
                                     ProposalBody body);
/// 202 for who asked, with what waits and where it is.
HttpResponse waiting_response(const ProposalStore& store, const Proposal& proposal);
}  // namespace tocsin::api
