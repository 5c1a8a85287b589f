#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/base/version.h"
#include "api/console/console.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "cep/value/time.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

// Every role that a token may have.
std::vector<Role> all_roles() {
  std::vector<Role> roles;
  for (std::size_t i = 1; i < kRoleCount; ++i) roles.push_back(static_cast<Role>(i));
  return roles;
}

ordered_json me(const ApiRequest& request, runtime::Clock& clock, const MeFacts& facts) {
  ordered_json may_act_as = ordered_json::array();
  for (const Role role : all_roles()) {
    if (may(request.grant.role, role)) may_act_as.push_back(role_name(role));
  }
  ordered_json document = {{"name", request.grant.name},
                           {"role", role_name(request.grant.role)},
                           {"may", std::move(may_act_as)},
                           {"approvals", facts.approvals},
                           {"dismiss_reasons", facts.dismiss_reasons},
                           {"time", cep::format_time(clock.now())},
                           {"version", version_parts().front().second}};
  for (const auto& [name, names] : {std::pair{"tags", &request.grant.scope.tags},
                                    std::pair{"types", &request.grant.scope.types}}) {
    if (!names->empty()) document[name] = *names;
  }
  if (request.session) {
    document["session"] = {{"ends", cep::format_time(request.session->ends)}};
  }
  return document;
}

HttpResponse sign_in(SessionStore& sessions, const ApiRequest& request, runtime::Clock& clock,
                     const MeFacts& facts) {
  if (request.session) {
    return problem_response(ProblemKind::kConflict,
                            "a session begins with a token (`Authorization: Bearer TOKEN`), not "
                            "with another session");
  }
  if (!request.grant.by.empty()) {
    return problem_response(ProblemKind::kConflict,
                            request.grant.name + " needs no session: every request says who it is");
  }
  const Result<std::string> secret = sessions.begin(request.grant);
  if (!secret) return problem_of_error(secret.error());
  HttpResponse response = json_response(201, me(request, clock, facts));
  response.headers.push_back({"Set-Cookie", sessions.cookie(request.http, *secret)});
  return response;
}

HttpResponse sign_out(SessionStore& sessions, const ApiRequest& request) {
  if (!request.session) {
    return problem_response(ProblemKind::kNotFound,
                            "this request is not by the cookie of a session");
  }
  if (const Result<bool> ended = sessions.end(request.session->session); !ended)
    return problem_of_error(ended.error());
  return {204, {{"Set-Cookie", sessions.cookie(request.http, "")}}, "", ""};
}

void add_me_schema(Router& router) {
  const ordered_json text = {{"type", "string"}};
  const ordered_json time = {{"type", "string"}, {"format", "date-time"}};
  const ordered_json texts = {{"type", "array"}, {"items", text}};
  ordered_json roles = {{"type", "string"}, {"enum", ordered_json::array()}};
  for (const Role role : all_roles()) roles["enum"].push_back(role_name(role));
  router.add_schema(
      "Me",
      {{"type", "object"},
       {"required", {"name", "role", "may", "approvals", "dismiss_reasons", "time", "version"}},
       {"properties",
        {{"name", text},
         {"role", roles},
         {"may",
          {{"type", "array"},
           {"items", roles},
           {"description", "The roles whose operations are allowed"}}},
         {"approvals",
          {{"type", "integer"},
           {"minimum", 0},
           {"description",
            "How many others must approve a change of live rules; 0: none, "
            "and only an operator makes it"}}},
         {"dismiss_reasons",
          {{"type", "array"},
           {"items", text},
           {"description",
            "Why alerts are dismissed (`console.dismiss_reasons`): what the "
            "console offers, by number, as the comment of a dismissal"}}},
         {"time", time},
         {"version", text},
         {"tags", texts},
         {"types", texts},
         {"session",
          {{"type", "object"},
           {"description", "Where the request is by the cookie of a session"},
           {"required", {"ends"}},
           {"properties", {{"ends", time}}}}}}}});
}
}  // namespace

void add_session_routes(Router& router, SessionStore* sessions, runtime::Clock& clock,
                        MeFacts facts) {
  add_me_schema(router);
  router.add({.method = "GET",
              .path = "/v1/me",
              .operation_id = "getMe",
              .tag = "tokens",
              .summary = "Who asks, what they may do, and the server's time",
              .role = Role::kReader,
              .scoped_by = kAnyScope,
              .answers = {{200, "Name and role", "application/json", "Me"}},
              .handler = [&clock, facts](ApiRequest& request) {
                return json_response(200, me(request, clock, facts));
              }});
  if (sessions == nullptr) return;
  router.add(
      {.method = "POST",
       .path = "/v1/session",
       .operation_id = "beginSession",
       .tag = "tokens",
       .summary = "Sign in a browser with a token: the answer sets a cookie",
       .description =
           "With the cookie, requests need no token. Those that change something need the header "
           "`Tocsin-Console: 1` and the `Origin` of this server. The session ends with its token.",
       .role = Role::kReader,
       .scoped_by = kAnyScope,
       .answers = {{201, "Who signed in", "application/json", "Me"}},
       .answer_headers = {"Set-Cookie"},
       .problems = {409},
       .handler = [sessions, &clock, facts = std::move(facts)](ApiRequest& request) {
         return sign_in(*sessions, request, clock, facts);
       }});
  router.add({.method = "DELETE",
              .path = "/v1/session",
              .operation_id = "endSession",
              .tag = "tokens",
              .summary = "Sign out: the session of the cookie ends",
              .role = Role::kReader,
              .scoped_by = kAnyScope,
              .answers = {{204, "The session has ended"}},
              .answer_headers = {"Set-Cookie"},
              .handler = [sessions](ApiRequest& request) { return sign_out(*sessions, request); }});
}
}  // namespace tocsin::api
