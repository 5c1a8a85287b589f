#include "api/rollout/proposal_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "api/rest/proposed_request.h"
#include "api/rollout/four_eyes.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

HttpResponse no_proposal(const std::string& id) {
  return problem_response(
      ProblemKind::kNotFound,
      fmt::format("no proposal {} waits: it was done, withdrawn, or is too old", id));
}
std::string id_of(const ApiRequest& request) { return std::string(*request.text("proposal")); }

HttpResponse list_proposals(const ProposalContext& context) {
  ordered_json list = ordered_json::array();
  for (const Proposal& one : context.proposals.waiting())
    list.push_back(proposal_json(context.proposals, one, ProposalBody::kLeftOut));
  return json_response(200, {{"proposals", std::move(list)}});
}

HttpResponse get_proposal(const ProposalContext& context, const ApiRequest& request) {
  const auto found = context.proposals.find(id_of(request));
  if (!found) return no_proposal(id_of(request));
  return json_response(200, proposal_json(context.proposals, *found, ProposalBody::kShown));
}

HttpResponse approve_proposal(Router& router, const ProposalContext& context, ApiRequest& request) {
  const std::string id = id_of(request);
  const auto waiting = context.proposals.find(id);
  if (!waiting) return no_proposal(id);
  const std::optional<TokenGrant> grant =
      grant_now(context.tokens, context.people, context.clock.now(), waiting->who, waiting->by);
  if (!grant) {
    return problem_response(
        ProblemKind::kConflict,
        fmt::format("{} asked for this, and has no token or role any more: withdraw it",
                    waiting->who));
  }
  const Result<Proposal> begun = context.proposals.begin(id, request.grant.name);
  if (!begun) {
    return begun.error().code == Errc::kDenied
               ? problem_response(ProblemKind::kForbidden, begun.error().message)
               : problem_of_error(begun.error());
  }
  request.notes["proposed_by"] = ordered_json(begun->who).dump();
  request.notes["operation"] = ordered_json(begun->operation).dump();
  HttpResponse answer = router.perform(*begun, *grant, request.grant.name);
  const ordered_json body = ordered_json::parse(answer.body, nullptr, false);
  // A deploy that reads earlier events first is asked for until it is done.
  const bool is_under_way = answer.status == 202 && body.is_object() && body.contains("warming_up");
  context.proposals.end(id, answer.status < 400 && !is_under_way);
  if (answer.status >= 400) return answer;
  ordered_json json = {{"proposal", id}, {"status", answer.status}};
  for (const HttpHeader& header : answer.headers) {
    if (header.name == "Location") json["location"] = header.value;
  }
  if (!body.is_discarded()) json["answer"] = body;
  return json_response(200, json);
}

HttpResponse withdraw_proposal(const ProposalContext& context, ApiRequest& request) {
  const std::string id = id_of(request);
  const auto waiting = context.proposals.find(id);
  if (!waiting) return no_proposal(id);
  if (auto refused = check_withdrawal(request, waiting->who)) return *refused;
  request.notes["operation"] = ordered_json(waiting->operation).dump();
  if (auto gone = context.proposals.withdraw(id); !gone) return problem_of_error(gone.error());
  return {204, {}, "", ""};
}

constexpr std::string_view kSchemas = R"({
  "Proposal": {
    "id": "text",
    "operation": "text; the operation's id",
    "reason": "text; why it waits",
    "who": "text",
    "at": "time",
    "until": "time; then it is forgotten",
    "method": "text",
    "target": "text",
    "body?": "text; the request's body, as it was sent; not in lists"
  },
  "ProposalList": {"proposals": "list of Proposal"},
  "ProposalDone": {
    "proposal": "text",
    "status": "whole; of the operation",
    "location?": "text",
    "answer?": "any; of the operation"
  }
})";
}  // namespace

std::optional<TokenGrant> grant_now(const TokenStore& tokens, const PeopleStore& people,
                                    cep::EventTime now, const std::string& who,
                                    const std::string& by) {
  if (!by.empty()) return people.list()->grant_again(who, by);
  const auto list = tokens.list();
  const auto found = std::ranges::find(list->tokens(), who,
                                       [](const StoredToken& token) { return token.grant.name; });
  if (found == list->tokens().end()) return std::nullopt;
  if (found->grant.expires_at && *found->grant.expires_at <= now) return std::nullopt;
  return found->grant;
}

void add_proposal_routes(Router& router, const ProposalContext& context) {
  router.add_schemas(kSchemas);
  const std::string one = "/v1/proposals/{proposal}";
  const RouteParameter id{.name = "proposal", .description = "Its id"};
  router.add({.method = "GET",
              .path = "/v1/proposals",
              .operation_id = "listProposals",
              .tag = "proposals",
              .summary = "Requests that wait for the approval of another person, oldest first",
              .role = Role::kReader,
              .answers = {{200, "The proposals", "application/json", "ProposalList"}},
              .handler = [context](ApiRequest&) { return list_proposals(context); }});
  router.add(
      {.method = "GET",
       .path = one,
       .operation_id = "getProposal",
       .tag = "proposals",
       .summary = "A request that waits",
       .role = Role::kReader,
       .path_parameters = {id},
       .answers = {{200, "The proposal", "application/json", "Proposal"}},
       .handler = [context](ApiRequest& request) { return get_proposal(context, request); }});
  router.add(
      {.method = "POST",
       .path = one + "/approval",
       .operation_id = "approveProposal",
       .tag = "proposals",
       .summary = "Approve what somebody else asked for, which is then done",
       .description =
           "It is done as who asked for it, with the role and limits that they have now. If "
           "the operation refuses it, its problem is the answer, and the proposal waits on. So "
           "it does with the status 202 and `warming_up`, until the same is approved again.",
       .role = Role::kApprover,
       .path_parameters = {id},
       .answers = {{200, "It was done", "application/json", "ProposalDone"}},
       .problems = {409, 412, 413, 415, 422, 428},
       .handler = [&router, context](ApiRequest& request) {
         return approve_proposal(router, context, request);
       }});
  router.add(
      {.method = "DELETE",
       .path = one,
       .operation_id = "withdrawProposal",
       .tag = "proposals",
       .summary = "Withdraw a request that waits, or refuse it",
       .description = kWhoWithdraws,
       .role = Role::kReader,
       .path_parameters = {id},
       .query_parameters = {withdrawal_comment()},
       .answers = {{204, "It no longer waits"}},
       .handler = [context](ApiRequest& request) { return withdraw_proposal(context, request); }});
}
}  // namespace tocsin::api
