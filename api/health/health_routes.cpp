#include "api/health/health_routes.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/base/version.h"
#include "api/rest/json_body.h"
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

namespace {
constexpr std::string_view kSchemas = R"({
  "HealthCause": {
    "code": "text; what it is: docs/operations.md has all",
    "level": "one of warning, critical",
    "subject?": "text; a source, subscription, stream or file; none: the whole server",
    "since?": "time; when the server first saw it, since its start",
    "detail": "text",
    "remedy": "text"
  },
  "Health": {
    "status": "one of ok, warning, critical; the worst of the causes",
    "ready": "boolean; whether events are accepted, as /readyz says",
    "causes": "list of HealthCause",
    "hidden?": "whole; causes that are about more than the token is limited to"
  }
})";

}  // namespace

nlohmann::ordered_json health_document(Health health, bool is_limited) {
  // A cause with a subject names a source, an endpoint or a topic: more than the tags and types
  // that the token is limited to.
  std::size_t hidden = 0;
  if (is_limited) {
    hidden = std::erase_if(health.causes,
                           [](const HealthCause& cause) { return !cause.subject.empty(); });
  }
  const bool is_ready = health.unreadiness.empty();
  const bool is_critical =
      !is_ready || std::ranges::any_of(health.causes, [](const HealthCause& cause) {
        return level_of(cause.code) == HealthLevel::kCritical;
      });
  nlohmann::ordered_json document = {{"status", is_critical             ? "critical"
                                                : health.causes.empty() ? "ok"
                                                                        : "warning"},
                                     {"ready", is_ready},
                                     {"causes", nlohmann::ordered_json::array()}};
  for (const HealthCause& cause : health.causes)
    document["causes"].push_back(health_cause_json(cause));
  if (is_limited) document["hidden"] = hidden;
  return document;
}

void add_health_report(Router& router, std::function<Health()> ask) {
  router.add_schemas(kSchemas);
  router.add({.method = "GET",
              .path = "/v1/health",
              .operation_id = "getHealth",
              .tag = "health",
              .summary = "What is wrong with the server, and what to do about it",
              .description =
                  "Answered with 200 whatever is wrong. A token that is limited is shown the "
                  "causes that concern the whole server, and the number of the others.",
              .role = Role::kReader,
              .scoped_by = kAnyScope,
              .answers = {{200, "The causes; none: all is well", "application/json", "Health"}},
              .handler = [ask = std::move(ask)](ApiRequest& request) {
                return json_response(200, health_document(ask(), !request.grant.scope.is_whole()));
              }});
}
}  // namespace tocsin::api
