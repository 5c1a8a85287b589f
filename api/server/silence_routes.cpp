#include "api/server/silence_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "api/alerts/condition_problem.h"
#include "api/privacy/masked_filter.h"
#include "api/privacy/privacy.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "api/server/alert_routes.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using SilencePtr = SilenceService::SilencePtr;
constexpr std::array<std::string_view, 4> kSettings = {"filter", "from", "until", "reason"};

std::string id_of(const ApiRequest& request) { return std::string(*request.text("id")); }
// Its filter's values may be personal data.
class ShownSilences {
 public:
  explicit ShownSilences(const Privacy* privacy) : privacy_(privacy) {}
  ordered_json shown(const Silence& silence, cep::EventTime now, const ApiRequest& request) const {
    ordered_json document = ordered_json::parse(show_silence(silence, now));
    if (is_masked(request)) mask_filter(*privacy_, document["filter"]);
    return document;
  }
  bool is_masked(const ApiRequest& request) const {
    return privacy_ != nullptr && privacy_->masks(request.grant);
  }

 private:
  const Privacy* privacy_;
};

// Whether a silence is about alerts of a scope alone: it names tags, all of them of the scope.
bool is_in(const TokenScope& scope, const AlertFilter& filter) {
  return scope.tags.empty() ||
         (!filter.tags.empty() && std::ranges::includes(scope.tags, filter.tags));
}

HttpResponse no_silence(const ApiRequest& request) {
  return problem_response(ProblemKind::kNotFound,
                          fmt::format("there is no silence {}", id_of(request)));
}

HttpResponse create(SilenceService& service, const ShownSilences& shown, const FilterNames* names,
                    ApiRequest& request) {
  const auto body = read_json_object(request, kSettings);
  if (!body) return body.error();
  if (shown.is_masked(request)) {
    if (auto refused = refused_filter(*body)) return *refused;
  }
  if (auto refused = refused_condition(*body, service.conditions())) return *refused;
  const std::string settings = body->dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  const TokenScope& scope = request.grant.scope;
  // What is no silence is refused below.
  if (const auto wanted = read_silence(settings, service.now());
      wanted && !is_in(scope, wanted->filter)) {
    return problem_response(
        ProblemKind::kForbidden,
        fmt::format("the token {} is limited to {}: `filter.tags` must name some of them, and no "
                    "others",
                    request.grant.name, scope.text()));
  }
  if (names != nullptr) {
    if (auto refused = names->refused(*body, scope)) return *refused;
  }
  const Result<SilencePtr> made = service.create(settings, request.grant.name);
  if (!made) return problem_of_error(made.error());
  HttpResponse response = json_response(201, shown.shown(**made, service.now(), request));
  response.headers.push_back({"Location", "/v1/silences/" + (*made)->id});
  return response;
}

HttpResponse list(SilenceService& service, const ShownSilences& shown, const ApiRequest& request) {
  const std::optional<std::string_view> state = request.text("state");
  const cep::EventTime now = service.now();
  ordered_json document = {{"silences", ordered_json::array()}};
  for (const SilencePtr& one : service.list()) {
    if (state && name_of(one->state_at(now)) != *state) continue;
    if (!is_in(request.grant.scope, one->filter)) continue;
    document["silences"].push_back(shown.shown(*one, now, request));
  }
  return json_response(200, document);
}

HttpResponse get(const SilenceService& service, const ShownSilences& shown,
                 const ApiRequest& request) {
  const SilencePtr found = service.find(id_of(request));
  if (!found || !is_in(request.grant.scope, found->filter)) return no_silence(request);
  return json_response(200, shown.shown(*found, service.now(), request));
}

HttpResponse end(SilenceService& service, const ShownSilences& shown, const ApiRequest& request) {
  const SilencePtr found = service.find(id_of(request));
  if (found && !is_in(request.grant.scope, found->filter)) return no_silence(request);
  const Result<SilencePtr> ended = service.end(id_of(request), request.grant.name);
  if (!ended) return problem_of_error(ended.error());
  return json_response(200, shown.shown(**ended, service.now(), request));
}

constexpr std::string_view kSchemas = R"({
  "SilenceSettings": {
    "body": true,
    "filter": "AlertFilter",
    "from?": "time",
    "until": "time",
    "reason": "text"
  },
  "Silence": {
    "id": "text",
    "state": "one of pending, active, ended",
    "filter": "AlertFilter",
    "from": "time",
    "until": "time",
    "reason": "text",
    "created_by?": "text",
    "created_at?": "time",
    "ended_by?": "text",
    "condition_error?": "text"
  },
  "SilenceList": {"silences": "list of Silence"}
})";
}  // namespace

void add_silence_routes(Router& router, SilenceService& service, const Privacy* privacy,
                        const FilterNames* names) {
  const ShownSilences shown(privacy);
  router.add_schemas(kSchemas);
  const std::string base = "/v1/silences";
  const std::string one = base + "/{id}";
  const std::vector<RouteParameter> id = {{"id", RouteParameter::Type::kText, "The silence's id"}};
  const std::vector<RouteAnswer> silence = {{200, "The silence", "application/json", "Silence"}};
  router.add({.method = "GET",
              .path = base,
              .operation_id = "listSilences",
              .tag = "silences",
              .summary = "Silences, newest first, including recently ended ones",
              .role = Role::kReader,
              .scoped_by = {.tags = true},
              .query_parameters = {{.name = "state",
                                    .type = RouteParameter::Type::kWord,
                                    .description = "Only those in this state",
                                    .words = {"pending", "active", "ended"}}},
              .answers = {{200, "The silences", "application/json", "SilenceList"}},
              .handler = [&service, shown](ApiRequest& request) {
                return list(service, shown, request);
              }});
  router.add(
      {.method = "POST",
       .path = base,
       .operation_id = "createSilence",
       .tag = "silences",
       .summary = "Create a silence: alerts that match its filter are not delivered for a time",
       .description = "Alerts raised during a silence are stored and shown as usual. Alerts raised "
                      "before it are delivered.",
       .role = Role::kAnalyst,
       .scoped_by = {.tags = true},
       .may_wait = true,
       .body = RouteBody{{"application/json"}, "SilenceSettings"},
       .answers = {{201, "The silence", "application/json", "Silence"}},
       .answer_headers = {"Location"},
       .problems = {409, 413, 415, 422},
       .handler = [&service, shown, names](ApiRequest& request) {
         return create(service, shown, names, request);
       }});
  router.add(
      {.method = "GET",
       .path = one,
       .operation_id = "getSilence",
       .tag = "silences",
       .summary = "One silence",
       .role = Role::kReader,
       .scoped_by = {.tags = true},
       .path_parameters = id,
       .answers = silence,
       .handler = [&service, shown](ApiRequest& request) { return get(service, shown, request); }});
  router.add(
      {.method = "DELETE",
       .path = one,
       .operation_id = "endSilence",
       .tag = "silences",
       .summary = "End a silence now; it is shown for a while",
       .role = Role::kAnalyst,
       .scoped_by = {.tags = true},
       .path_parameters = id,
       .answers = silence,
       .problems = {409},
       .handler = [&service, shown](ApiRequest& request) { return end(service, shown, request); }});
}
}  // namespace tocsin::api
