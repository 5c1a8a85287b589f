#include "api/rest/proposed_request.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "cep/value/time.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
// What operations read beside the body.
constexpr std::array<std::string_view, 4> kHeaders = {"content-type", "if-match", "if-none-match",
                                                      "tocsin-comment"};
}  // namespace

Proposal proposal_of(std::string operation, std::string reason, const ApiRequest& request) {
  const RequestHead& head = request.http.head();
  Proposal proposal;
  proposal.operation = std::move(operation);
  proposal.reason = std::move(reason);
  proposal.who = request.grant.name;
  proposal.by = request.grant.by;
  proposal.from = request.http.remote();
  proposal.method = head.method;
  proposal.target = head.target;
  for (const std::string_view name : kHeaders) {
    if (const auto value = head.header(name))
      proposal.headers.push_back({std::string(name), std::string(*value)});
  }
  proposal.body = request.http.body();
  return proposal;
}

ordered_json proposal_json(const ProposalStore& store, const Proposal& proposal,
                           ProposalBody with) {
  ordered_json json = {{"id", proposal.id},
                       {"operation", proposal.operation},
                       {"reason", proposal.reason},
                       {"who", proposal.who},
                       {"at", cep::format_time(proposal.at)},
                       {"until", cep::format_time(store.end_of(proposal))},
                       {"method", proposal.method},
                       {"target", proposal.target}};
  if (with == ProposalBody::kLeftOut || proposal.body.empty()) return json;
  json["body"] = proposal.body;
  return json;
}

HttpResponse waiting_response(const ProposalStore& store, const Proposal& proposal) {
  const ordered_json json = proposal_json(store, proposal, ProposalBody::kLeftOut);
  return {202,
          {{"Location", "/v1/proposals/" + proposal.id}},
          "application/json",
          json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n"};
}

HttpRequest proposed_request(const Proposal& proposal) {
  RequestHead head;
  head.method = proposal.method;
  head.target = proposal.target;
  head.headers = proposal.headers;
  if (!proposal.body.empty()) head.content_bytes = proposal.body.size();
  return {std::move(head), proposal.from, proposal.body};
}
}  // namespace tocsin::api
