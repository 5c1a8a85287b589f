#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "api/rest/json_body.h"
#include "api/server/operation_routes.h"
#include "cep/value/time.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

// What is known of a token, without it.
ordered_json token_json(const ServerContext& context, const StoredToken& token) {
  ordered_json json = {{"name", token.grant.name}, {"role", role_name(token.grant.role)}};
  if (token.grant.expires_at) {
    json["expires_at"] = cep::format_time(*token.grant.expires_at);
    json["expired"] = *token.grant.expires_at <= context.clock.now();
  }
  add_scope(token.grant.scope, json);
  if (const auto used = context.tokens.last_use(token.grant.name))
    json["used_at"] = cep::format_time(*used);
  if (token.before && context.clock.now() < token.before->until)
    json["before_until"] = cep::format_time(token.before->until);
  return json;
}

HttpResponse list_tokens(const ServerContext& context) {
  ordered_json list = ordered_json::array();
  for (const StoredToken& token : context.tokens.list()->tokens())
    list.push_back(token_json(context, token));
  return json_response(200, {{"tokens", list}});
}

std::string roles_text() {
  std::string text;
  for (const Role role : {Role::kProducer, Role::kReader, Role::kApprover, Role::kAnalyst,
                          Role::kAuthor, Role::kOperator, Role::kAdmin}) {
    text += fmt::format("{}{}",
                        text.empty()           ? ""
                        : role == Role::kAdmin ? " or "
                                               : ", ",
                        role_name(role));
  }
  return text;
}

// When a token expires by its body: `expires_at`, or `expires_in` from now; nothing for neither.
// What is wrong is text.
tl::expected<std::optional<cep::EventTime>, std::string> read_end(const ordered_json& body,
                                                                  cep::EventTime now) {
  const auto text_of = [&](const char* name) -> std::optional<std::string> {
    if (!body.contains(name)) return std::nullopt;
    return body[name].is_string() ? body[name].get<std::string>() : std::string();
  };
  const auto at = text_of("expires_at");
  const auto in = text_of("expires_in");
  if (!at && !in) return std::nullopt;
  if (at && in) return tl::unexpected<std::string>("expires_at and expires_in exclude each other");
  std::optional<cep::EventTime> end;
  if (at) {
    end = cep::parse_time(*at);
  } else if (const auto duration = cep::parse_duration(*in);
             duration && *duration <= cep::Duration{36'500 * cep::kDayUs}) {
    end = now + *duration;
  }
  if (!end) {
    return tl::unexpected<std::string>(at ? "expires_at takes a time such as 2026-12-31T00:00:00Z"
                                          : "expires_in takes a duration such as 90d");
  }
  if (*end <= now) return tl::unexpected<std::string>("the token would have expired already");
  return end;
}

HttpResponse make_token(ServerContext& context, ApiRequest& request) {
  const auto body = read_json_object(
      request, {"name", "role", "expires_at", "expires_in", "tags", "types", "pii"});
  if (!body) return body.error();
  const auto text_of = [&](const char* name) {
    return body->contains(name) && (*body)[name].is_string() ? (*body)[name].get<std::string>()
                                                             : std::string();
  };
  const std::optional<Role> role = parse_role(text_of("role"));
  if (!role) {
    return problem_response(
        ProblemKind::kBadBody,
        fmt::format(R"(the body is {{"name": "NAME", "role": "ROLE"}}, with the role {})",
                    roles_text()));
  }
  const auto end = read_end(*body, context.clock.now());
  if (!end) return problem_response(ProblemKind::kBadBody, end.error());
  const auto scope = read_scope(*body);
  if (!scope) return problem_response(ProblemKind::kBadBody, scope.error());
  const TokenGrant grant{text_of("name"), *role, {}, *end, *scope};
  ordered_json made = {{"name", grant.name}, {"role", role_name(grant.role)}};
  add_scope(*scope, made);
  if (grant.expires_at) made["expires_at"] = cep::format_time(*grant.expires_at);
  request.notes["made"] = made.dump();
  const auto list = context.tokens.list();
  for (const StoredToken& token : list->tokens()) {
    if (token.grant.name != grant.name) continue;
    return problem_response(ProblemKind::kConflict,
                            fmt::format("there is already a token named {}", grant.name));
  }
  const Result<std::string> token = context.tokens.add(grant);
  if (!token) return problem_of_error(token.error());
  made["token"] = *token;
  return json_response(201, made);
}

HttpResponse rotate_token(ServerContext& context, ApiRequest& request) {
  constexpr cep::Duration kOverlap{3'600'000'000};
  constexpr cep::Duration kOverlapMost{30 * cep::kDayUs};
  ordered_json body = ordered_json::object();
  if (request.http.head().content_bytes.value_or(0) > 0 || request.http.head().is_chunked) {
    auto read = read_json_object(request, {"overlap"});
    if (!read) return read.error();
    body = *std::move(read);
  }
  std::optional<cep::Duration> overlap = kOverlap;
  if (body.contains("overlap")) {
    overlap = body["overlap"].is_string()
                  ? cep::parse_duration(body["overlap"].get_ref<const std::string&>())
                  : std::nullopt;
  }
  if (!overlap || *overlap > kOverlapMost || *overlap < cep::Duration{0}) {
    return problem_response(ProblemKind::kBadBody,
                            "overlap must be a duration of at most 30d, such as 1h");
  }
  const std::string name(*request.text("token"));
  const cep::EventTime until = context.clock.now() + *overlap;
  const Result<std::string> token = context.tokens.rotate(name, until);
  if (!token) return problem_of_error(token.error());
  return json_response(
      200, {{"name", name}, {"before_until", cep::format_time(until)}, {"token", *token}});
}

HttpResponse delete_token(ServerContext& context, const std::string& name) {
  const Result<bool> removed = context.tokens.remove(name);
  if (!removed) return problem_of_error(removed.error());
  if (*removed) return {204, {}, "", ""};
  return problem_response(ProblemKind::kNotFound, fmt::format("there is no token {}", name));
}
constexpr std::string_view kSchemas = R"({
  "RoleName": "one of producer, reader, approver, analyst, author, operator, admin",
  "Token": {
    "name": "text",
    "role": "RoleName",
    "expires_at?": "time",
    "expired?": "boolean",
    "tags?": "list of text; of rules that it is limited to",
    "types?": "list of text; of events that it is limited to",
    "pii?": "boolean; whether it is shown what is marked so; absent: as the role says",
    "used_at?": "time",
    "before_until?": "time; until then the token before counts too"
  },
  "TokenList": {"tokens": "list of Token"},
  "NewToken": {"$schema": {
    "type": "object",
    "additionalProperties": false,
    "required": ["name", "role"],
    "properties": {
      "name": {"type": "string", "pattern": "^(?!person:|group:|certificate:)[!-~]{1,100}$"},
      "role": {"$ref": "#/components/schemas/RoleName"},
      "expires_at": {"type": "string", "format": "date-time"},
      "expires_in": {"$ref": "#/components/schemas/DurationText"},
      "tags": {"$ref": "#/components/schemas/ScopeNames"},
      "types": {"$ref": "#/components/schemas/ScopeNames"},
      "pii": {"type": "boolean", "description": "Whether values of fields marked pii are shown"}
    },
    "not": {"required": ["expires_at", "expires_in"]}
  }},
  "DurationText": "duration",
  "ScopeNames": {"$schema": {
    "type": "array",
    "description": "What the token is limited to",
    "minItems": 1,
    "maxItems": 100,
    "items": {"type": "string", "minLength": 1, "maxLength": 200}
  }},
  "MadeToken": {
    "name": "text",
    "role": "RoleName",
    "tags?": "list of text",
    "types?": "list of text",
    "pii?": "boolean",
    "expires_at?": "time",
    "token?": "text; shown this once",
    "withheld?": "list of text; members that an answer given again leaves out"
  },
  "TokenRotation": {"body": true, "overlap?": "duration; 0s to 30d"},
  "RotatedToken": {
    "name": "text",
    "before_until": "time",
    "token?": "text; shown this once",
    "withheld?": "list of text; members that an answer given again leaves out"
  }
})";
}  // namespace

void add_token_routes(Router& router, ServerContext& context) {
  router.add_schemas(kSchemas);
  router.add(
      {.method = "GET",
       .path = "/v1/tokens",
       .operation_id = "listTokens",
       .tag = "tokens",
       .summary = "The tokens with role, end and last use; the tokens themselves are not stored",
       .role = Role::kAdmin,
       .answers = {{200, "The tokens", "application/json", "TokenList"}},
       .handler = [&context](ApiRequest&) { return list_tokens(context); }});
  router.add({.method = "POST",
              .path = "/v1/tokens",
              .operation_id = "makeToken",
              .tag = "tokens",
              .summary = "Create a token, which is shown only once",
              .role = Role::kAdmin,
              .body = RouteBody{{"application/json"}, "NewToken"},
              .answers = {{201, "The token", "application/json", "MadeToken"}},
              .problems = {409, 413, 415},
              .handler = [&context](ApiRequest& request) { return make_token(context, request); }});
  router.add(
      {.method = "POST",
       .path = "/v1/tokens/{token}/secret",
       .operation_id = "rotateToken",
       .tag = "tokens",
       .summary = "Replace a token by a new one, which is shown only once",
       .description = "The token before counts too for `overlap`, 1h by default; with 0s it "
                      "ends at once. One before that ends at once.",
       .role = Role::kAdmin,
       .path_parameters = {{"token", RouteParameter::Type::kText, "Its name"}},
       .body = RouteBody{{"application/json"}, "TokenRotation", false},
       .answers = {{200, "The new token", "application/json", "RotatedToken"}},
       .problems = {413, 415},
       .handler = [&context](ApiRequest& request) { return rotate_token(context, request); }});
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
