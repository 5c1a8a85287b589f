#include "api/jobs/erasure_routes.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "api/alerts/alert_line.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::size_t kKeyBytesMax = 1024;
constexpr std::size_t kReasonBytesMax = 200;

HttpResponse begin(ErasureJobs& erasures, ApiRequest& request) {
  const auto body = read_json_object(request, {"key", "reason"});
  if (!body) return body.error();
  const auto text_of = [&](const char* name) {
    const auto found = body->find(name);
    return found != body->end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const std::string key = text_of("key");
  std::optional<runtime::ErasedValue> what = runtime::parse_erased_value(key);
  if (!what || key.size() > kKeyBytesMax || key.find('\n') != key.npos) {
    return problem_response(
        ProblemKind::kBadBody,
        fmt::format("key takes NAME=VALUE, such as card=c1, of at most {} bytes "
                    "in one line",
                    kKeyBytesMax));
  }
  std::string reason = text_of("reason");
  if (body->contains("reason") && !body->at("reason").is_string())
    return problem_response(ProblemKind::kBadBody, "reason takes a text");
  if (reason.size() > kReasonBytesMax) {
    return problem_response(
        ProblemKind::kBadBody,
        fmt::format("reason is kept, and has at most {} bytes", kReasonBytesMax));
  }
  // It is kept: who writes the value there is not to be the one who keeps it.
  for (std::size_t at = reason.find(what->value); at != reason.npos;
       at = reason.find(what->value, at + kErasedText.size())) {
    reason.replace(at, what->value.size(), kErasedText);
  }
  const Result<ordered_json> begun = erasures.add(*std::move(what), request.grant.name, reason);
  if (!begun) return problem_of_error(begun.error());
  request.notes["erasure"] = begun->at("id").dump();
  request.notes["name"] = begun->at("name").dump();
  request.notes["mark"] = begun->at("mark").dump();
  HttpResponse response = json_response(202, *begun);
  response.headers.push_back(
      {"Location", fmt::format("/v1/erasures/{}", begun->at("id").get<std::uint64_t>())});
  return response;
}

HttpResponse list(const ErasureJobs& erasures) {
  ordered_json all = ordered_json::array();
  for (ordered_json& one : erasures.list()) all.push_back(std::move(one));
  return json_response(200, {{"erasures", std::move(all)}});
}

HttpResponse get(const ErasureJobs& erasures, const ApiRequest& request) {
  const auto number = static_cast<std::uint64_t>(*request.integer("erasure"));
  const std::optional<ordered_json> found = erasures.find(number);
  if (found) return json_response(200, *found);
  return problem_response(ProblemKind::kNotFound, fmt::format("there is no erasure {}", number));
}

constexpr std::string_view kSchemas = R"({
  "ErasureRequest": {
    "body": true,
    "key": "text like ^[A-Za-z0-9_.]+=[^\\n]+$; NAME=VALUE, such as card=c1",
    "reason?": "text; is kept: a number of a case, say"
  },
  "Erasure": {
    "id": "whole",
    "name": "text; of the key's part",
    "mark": "text; a keyed digest of the value",
    "who": "text",
    "reason": "text",
    "began": "time",
    "ended": "time or null",
    "step": "one of state, journal, archive, alerts, done",
    "keys": "whole; of which rules and features remembered something",
    "waiting_events": "whole; that waited to be put in order",
    "archived_events": "whole; lines of the archive",
    "alerts": "whole; that were masked",
    "comments": "whole; alerts of which comments were erased",
    "side_output": "whole; late events and dead letters",
    "remains": "list of text; paths in the data directory that were left alone",
    "state": "one of running, done",
    "problem?": "text; why it waits, and is tried again"
  },
  "ErasureList": {"erasures": "list of Erasure"}
})";
}  // namespace

void add_erasure_routes(Router& router, ErasureJobs& erasures) {
  router.add_schemas(kSchemas);
  router.add({.method = "POST",
              .path = "/v1/erasures",
              .operation_id = "startErasure",
              .tag = "operations",
              .summary = "Erase what is known of a person, by a value such as card=c1",
              .description =
                  "What rules and features remember of keys with that value, events in the journal "
                  "and archive, and all values of alerts that have it. Alerts stay as records. It "
                  "cannot be undone. It is done beside the server's work, and goes on after a "
                  "restart; one is done after the other.",
              .role = Role::kAdmin,
              .body = RouteBody{{"application/json"}, "ErasureRequest"},
              .answers = {{202, "It is being done", "application/json", "Erasure"}},
              .answer_headers = {"Location"},
              .problems = {413, 415},
              .handler = [&erasures](ApiRequest& request) { return begin(erasures, request); }});
  router.add({.method = "GET",
              .path = "/v1/erasures",
              .operation_id = "listErasures",
              .tag = "operations",
              .summary = "Erasures, without the values that were erased, the newest first",
              .role = Role::kAdmin,
              .answers = {{200, "All there were", "application/json", "ErasureList"}},
              .handler = [&erasures](ApiRequest&) { return list(erasures); }});
  router.add({.method = "GET",
              .path = "/v1/erasures/{erasure}",
              .operation_id = "getErasure",
              .tag = "operations",
              .summary = "How far an erasure is, and what it found",
              .role = Role::kAdmin,
              .path_parameters = {{.name = "erasure",
                                   .type = RouteParameter::Type::kInteger,
                                   .description = "Its id",
                                   .least = 1}},
              .answers = {{200, "The erasure", "application/json", "Erasure"}},
              .handler = [&erasures](ApiRequest& request) { return get(erasures, request); }});
}
}  // namespace tocsin::api
