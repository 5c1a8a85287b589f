#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "api/rest/json_body.h"
#include "api/server/operation_routes.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

HttpResponse list_tokens(const ServerContext& context) {
  ordered_json list = ordered_json::array();
  for (const StoredToken& token : context.tokens.list()->tokens()) {
    list.push_back({{"name", token.grant.name}, {"role", role_name(token.grant.role)}});
  }
  return json_response(200, {{"tokens", list}});
}

HttpResponse make_token(ServerContext& context, ApiRequest& request) {
  const auto body = read_json_object(request, {"name", "role"});
  if (!body) return body.error();
  const auto text_of = [&](const char* name) {
    return body->contains(name) && (*body)[name].is_string() ? (*body)[name].get<std::string>()
                                                             : std::string();
  };
  const std::optional<Role> role = parse_role(text_of("role"));
  if (!role) {
    return problem_response(
        ProblemKind::kBadBody,
        R"(the body is {"name": "NAME", "role": "ROLE"}, with the role producer, reader, analyst, operator or admin)");
  }
  const TokenGrant grant{text_of("name"), *role};
  request.notes["made"] =
      ordered_json({{"name", grant.name}, {"role", role_name(grant.role)}}).dump();
  const auto list = context.tokens.list();
  for (const StoredToken& token : list->tokens()) {
    if (token.grant.name != grant.name) continue;
    return problem_response(ProblemKind::kConflict,
                            fmt::format("there is already a token named {}", grant.name));
  }
  const Result<std::string> token = context.tokens.add(grant);
  if (!token) return problem_of_error(token.error());
  return json_response(201,
                       {{"name", grant.name}, {"role", role_name(grant.role)}, {"token", *token}});
}

HttpResponse delete_token(ServerContext& context, const std::string& name) {
  const Result<bool> removed = context.tokens.remove(name);
  if (!removed) return problem_of_error(removed.error());
  if (*removed) return {204, {}, "", ""};
  return problem_response(ProblemKind::kNotFound, fmt::format("there is no token {}", name));
}
}  // namespace

void add_token_routes(Router& router, ServerContext& context) {
  router.add({.method = "GET",
              .path = "/v1/tokens",
              .operation_id = "listTokens",
              .tag = "tokens",
              .summary = "The names and roles of the tokens; the tokens themselves are not stored",
              .role = Role::kAdmin,
              .answers = {{200, "The tokens", "application/json"}},
              .handler = [&context](ApiRequest&) { return list_tokens(context); }});
  router.add({.method = "POST",
              .path = "/v1/tokens",
              .operation_id = "makeToken",
              .tag = "tokens",
              .summary = "Create a token, which is shown only once",
              .role = Role::kAdmin,
              .body = RouteBody{{"application/json"}},
              .answers = {{201, "The token", "application/json"}},
              .problems = {409, 413, 415},
              .handler = [&context](ApiRequest& request) { return make_token(context, request); }});
  router.add({.method = "DELETE",
              .path = "/v1/tokens/{token}",
              .operation_id = "deleteToken",
              .tag = "tokens",
              .summary = "Revoke a token by its name",
              .role = Role::kAdmin,
              .path_parameters = {{"token", RouteParameter::Type::kText, "Its name"}},
              .answers = {{204, "The token is revoked"}},
              .problems = {409},
              .handler = [&context](ApiRequest& request) {
                return delete_token(context, request.path.find("token")->second);
              }});
}
}  // namespace tocsin::api
