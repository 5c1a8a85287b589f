#include "api/server/operation_routes.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "api/base/version.h"
#include "api/rest/problem.h"

namespace tocsin::api {
void add_health_routes(Router& router, Unreadiness unreadiness) {
  router.add_schemas(R"({"Versions": "map of text; by what has the version"})");
  router.add({.method = "GET",
              .path = "/livez",
              .operation_id = "getLivez",
              .tag = "health",
              .summary = "Whether the process answers",
              .role = Role::kOpen,
              .answers = {{200, "It does", "text/plain"}},
              .is_at_once = true,
              .handler = [](ApiRequest&) {
                return HttpResponse{200, {}, "text/plain", "ok\n"};
              }});
  router.add({.method = "GET",
              .path = "/readyz",
              .operation_id = "getReadyz",
              .tag = "health",
              .summary = "Whether events are accepted: not while the state is recovered, the disk "
                         "is full, memory is at its limit, or the server stops",
              .role = Role::kOpen,
              .answers = {{200, "They are", "text/plain"}},
              .is_at_once = true,
              .handler = [unreadiness = std::move(unreadiness)](ApiRequest&) {
                const std::string why = unreadiness();
                if (why.empty()) return HttpResponse{200, {}, "text/plain", "ready\n"};
                HttpResponse response = problem_response(ProblemKind::kUnavailable, why);
                response.headers.push_back({"Retry-After", "1"});
                return response;
              }});
  router.add({.method = "GET",
              .path = "/v1/version",
              .operation_id = "getVersion",
              .tag = "health",
              .summary = "The versions of the program, its compiler and its main libraries",
              .role = Role::kReader,
              .scoped_by = kAnyScope,
              .answers = {{200, "The versions", "application/json", "Versions"}},
              .handler = [](ApiRequest&) {
                nlohmann::ordered_json versions;
                for (const auto& [name, version] : version_parts()) versions[name] = version;
                HttpResponse response;
                response.content_type = "application/json";
                response.body = versions.dump() + "\n";
                return response;
              }});
}
}  // namespace tocsin::api
