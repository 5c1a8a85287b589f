#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "api/node/pack_request.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "api/rollout/deploy_routes.h"
#include "api/rollout/four_eyes.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

HttpResponse no_change(const std::string& id) {
  return problem_response(
      ProblemKind::kNotFound,
      fmt::format("no change {} waits: it was made, withdrawn, or is too old", id));
}

HttpResponse list_changes(const RolloutContext& context) {
  const std::string live_now = context.changes.live_now();
  ordered_json list = ordered_json::array();
  for (const WaitingChange& waiting : context.changes.waiting()) {
    list.push_back(waiting_json(context.changes, waiting, live_now));
  }
  return json_response(200, {{"changes", std::move(list)}});
}

// With what would differ from the rules that are active now.
HttpResponse get_change(const RolloutContext& context, const ApiRequest& request) {
  const std::string id(*request.text("change"));
  const std::optional<WaitingChange> waiting = context.changes.find(id);
  if (!waiting) return no_change(id);
  ordered_json json = waiting_json(context.changes, *waiting, context.changes.live_now());
  const RulePack now = context.rules.current()->pack;
  const Result<RulePack> after = edited(context.rules, now, waiting->edit);
  if (after) {
    json.update(difference_json(now, *after));
  } else {
    json["problem"] = after.error().message;
  }
  return json_response(200, json);
}

HttpResponse approve_change(const RolloutContext& context, ApiRequest& request) {
  const std::string id(*request.text("change"));
  const auto outcome =
      context.changes.approve(id, {request.grant.name,
                                   {},
                                   std::string(request.text("comment").value_or("")),
                                   request.grant.by});
  return outcome ? made(request, context, *outcome) : refused(outcome.error());
}

HttpResponse withdraw_change(const RolloutContext& context, ApiRequest& request) {
  const std::string id(*request.text("change"));
  const std::optional<WaitingChange> waiting = context.changes.find(id);
  if (!waiting) return no_change(id);
  if (auto refused = check_withdrawal(request, waiting->change.who)) return *refused;
  if (auto gone = context.changes.withdraw(id); !gone) return problem_of_error(gone.error());
  return {204, {}, "", ""};
}
}  // namespace

ordered_json waiting_json(const ChangeService& changes, const WaitingChange& waiting,
                          const std::string& live_now) {
  ordered_json given = ordered_json::array();
  for (const Approval& one : waiting.approvals) {
    given.push_back({{"who", one.who}, {"at", cep::format_time(one.at)}, {"comment", one.comment}});
  }
  return {{"change", waiting.id},
          {"edit", text_of(waiting.edit)},
          {"who", waiting.change.who},
          {"at", cep::format_time(waiting.at)},
          {"comment", waiting.change.comment},
          {"commit", waiting.change.commit},
          {"until", cep::format_time(changes.end_of(waiting))},
          {"stale", waiting.live_before != live_now},
          {"approvals_needed", changes.approvals_needed()},
          {"approvals", std::move(given)}};
}

namespace {
constexpr std::string_view kSchemas = R"({
  "Approval": {"who": "text", "at": "time", "comment": "text"},
  "WaitingChange": {
    "change": "text",
    "edit": "text",
    "who": "text",
    "at": "time",
    "comment": "text",
    "commit": "text",
    "until": "time; when it is forgotten",
    "stale": "boolean; the rules have changed since",
    "approvals_needed": "whole",
    "approvals": "list of Approval"
  },
  "WaitingChanges": {"changes": "list of WaitingChange"},
  "ShownChange": {
    "like": "WaitingChange",
    "rules?": "list of RuleDifference",
    "stages?": "map of list of text; before and after, by rule",
    "files?": "list of FileDifference",
    "problem?": "text; why it cannot be made"
  }
})";
}  // namespace

void add_change_routes(Router& router, const RolloutContext& context) {
  router.add_schemas(kSchemas);
  const RouteParameter change{.name = "change", .description = "Its id"};
  const auto add = [&](Route route) {
    route.tag = "rules";
    router.add(std::move(route));
  };
  add({.method = "GET",
       .path = "/v1/changes",
       .operation_id = "listChanges",
       .tag = "",
       .summary = "Changes of the rules that wait for approval, oldest first",
       .role = Role::kReader,
       .answers = {{200, "The changes", "application/json", "WaitingChanges"}},
       .handler = [context](ApiRequest&) { return list_changes(context); }});
  add({.method = "GET",
       .path = "/v1/changes/{change}",
       .operation_id = "getChange",
       .tag = "",
       .summary = "A change that waits, and what it would make otherwise",
       .role = Role::kReader,
       .path_parameters = {change},
       .answers = {{200, "The change, and the rules, stages and files that differ",
                    "application/json", "ShownChange"}},
       .handler = [context](ApiRequest& request) { return get_change(context, request); }});
  add({.method = "POST",
       .path = "/v1/changes/{change}/approval",
       .operation_id = "approveChange",
       .tag = "",
       .summary = "Approve a change that somebody else asked for",
       .description =
           "The last approval that is needed makes the change. It is refused if the live "
           "rules are no longer those that the change is of.",
       .role = Role::kApprover,
       .path_parameters = {change},
       .query_parameters = {{.name = "comment",
                             .description = "The reason, stored with the approval"}},
       .answers = {{200, "The version that is now active, and the state that each rule kept",
                    "application/json", "Deployed"},
                   {202, "More approvals are needed", "application/json", "WaitingChange"}},
       .answer_headers = {"ETag", "Location", "Retry-After"},
       .problems = {409, 412, 413, 422},
       .handler = [context](ApiRequest& request) { return approve_change(context, request); }});
  add({.method = "DELETE",
       .path = "/v1/changes/{change}",
       .operation_id = "withdrawChange",
       .tag = "",
       .summary = "Withdraw a change that waits, or refuse it",
       .description = kWhoWithdraws,
       .role = Role::kReader,
       .path_parameters = {change},
       .query_parameters = {withdrawal_comment()},
       .answers = {{204, "It no longer waits"}},
       .handler = [context](ApiRequest& request) { return withdraw_change(context, request); }});
}
}  // namespace tocsin::api
