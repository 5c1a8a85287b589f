#include "api/people/people_routes.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "api/rest/token_store.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

ordered_json entry_json(const PeopleEntry& entry) {
  ordered_json json = {{"who", entry.who}, {"role", role_name(entry.role)}};
  add_scope(entry.scope, json);
  return json;
}

HttpResponse list_people(const PeopleStore& people) {
  ordered_json list = ordered_json::array();
  for (const auto& [who, entry] : people.list()->entries()) list.push_back(entry_json(entry));
  return json_response(200, {{"people", std::move(list)}});
}

HttpResponse put_person(PeopleStore& people, ApiRequest& request) {
  const auto body = read_json_object(request, {"role", "tags", "types", "pii"});
  if (!body) return body.error();
  const auto found = body->find("role");
  const std::optional<Role> role = found != body->end() && found->is_string()
                                       ? parse_role(found->get_ref<const std::string&>())
                                       : std::nullopt;
  if (!role) {
    return problem_response(ProblemKind::kBadBody,
                            R"(the body is {"role": "ROLE"}, with a role that tokens have too)");
  }
  auto scope = read_scope(*body);
  if (!scope) return problem_response(ProblemKind::kBadBody, scope.error());
  const PeopleEntry entry{std::string(*request.text("who")), *role, *std::move(scope)};
  if (!is_who(entry.who)) {
    return bad_parameter_response(
        "who",
        fmt::format("who takes person:NAME, group:NAME or certificate:NAME, not {}", entry.who));
  }
  const ordered_json json = entry_json(entry);
  request.notes["made"] = json.dump();
  const Result<bool> is_new = people.put(entry);
  if (!is_new) return problem_of_error(is_new.error());
  return json_response(*is_new ? 201 : 200, json);
}

HttpResponse delete_person(PeopleStore& people, const ApiRequest& request) {
  const std::string who(*request.text("who"));
  const Result<bool> removed = people.remove(who);
  if (!removed) return problem_of_error(removed.error());
  if (*removed) return {204, {}, "", ""};
  return problem_response(ProblemKind::kNotFound, fmt::format("there is no entry {}", who));
}

// Of what is_who() takes, names without blanks and of at most 100 characters.
constexpr const char* kWhoPattern = "^(person|group|certificate):[!-~]{1,100}$";

constexpr std::string_view kSchemas = R"({
  "PeopleEntry": {
    "who": "text; person:NAME, group:NAME or certificate:NAME",
    "role": "RoleName",
    "tags?": "list of text; of rules that they are limited to",
    "types?": "list of text; of events that they are limited to",
    "pii?": "boolean; whether they are shown what is marked so; absent: as the role says"
  },
  "PeopleList": {"people": "list of PeopleEntry"},
  "NewPeopleEntry": {
    "body": true,
    "role": "RoleName",
    "tags?": "ScopeNames",
    "types?": "ScopeNames",
    "pii?": "boolean"
  }
})";
}  // namespace

void add_people_routes(Router& router, PeopleStore& people) {
  router.add_schemas(kSchemas);
  const RouteParameter who{.name = "who",
                           .description = "person:NAME, group:NAME or certificate:NAME",
                           .pattern = kWhoPattern};
  router.add({.method = "GET",
              .path = "/v1/people",
              .operation_id = "listPeople",
              .tag = "tokens",
              .summary = "The roles of people, groups and certificates that need no token",
              .role = Role::kAdmin,
              .answers = {{200, "The list", "application/json", "PeopleList"}},
              .handler = [&people](ApiRequest&) { return list_people(people); }});
  router.add({.method = "PUT",
              .path = "/v1/people/{who}",
              .operation_id = "putPerson",
              .tag = "tokens",
              .summary = "Give a role to a person, a group or a certificate",
              .description =
                  "People and groups are named by a proxy (`people.header`), certificates by an "
                  "authority (`http.tls_clients`). It counts from the next request on.",
              .role = Role::kAdmin,
              .path_parameters = {who},
              .body = RouteBody{{"application/json"}, "NewPeopleEntry"},
              .answers = {{200, "What was there is replaced", "application/json", "PeopleEntry"},
                          {201, "It is new", "application/json", "PeopleEntry"}},
              .problems = {409, 413, 415},
              .handler = [&people](ApiRequest& request) { return put_person(people, request); }});
  router.add(
      {.method = "DELETE",
       .path = "/v1/people/{who}",
       .operation_id = "deletePerson",
       .tag = "tokens",
       .summary = "Take the role away, which ends requests and streams within a second",
       .role = Role::kAdmin,
       .path_parameters = {who},
       .answers = {{204, "The role is taken away"}},
       .handler = [&people](ApiRequest& request) { return delete_person(people, request); }});
}
}  // namespace tocsin::api
