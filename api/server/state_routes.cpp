#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/node/node_report.h"
#include "api/rest/json_body.h"
#include "api/rules/key_text.h"
#include "api/server/operation_routes.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

HttpResponse get_state(ServerContext& context, RuleTotalsReader& reader,
                       const ApiRequest& request) {
  ordered_json state;
  const Served<void> asked = context.node.ask(
      [&](runtime::Node& node) {
        state = node_json(node);
        state["checkpoint"] = node.checkpoints().number;
      },
      kAskPatience);
  if (!asked) return refusal_response(asked.error());
  if (request.text("rules") != "false") {
    const auto totals = reader.read(kAskPatience);
    if (!totals) return refusal_response(totals.error());
    state["rules"] = ordered_json::array();
    for (const auto& [rule, one] : *totals) state["rules"].push_back(totals_json(rule, one));
  }
  return json_response(200, state);
}

HttpResponse get_key(ServerContext& context, ApiRequest& request) {
  if (auto refused = refused_unmasked(context.privacy, request)) return *std::move(refused);
  const auto parts = key_parts(split_key(*request.text("key")));
  if (!parts) return problem_response(ProblemKind::kBadParameter, parts.error().message);
  Result<std::vector<cep::KeyReport>> reports;
  cep::EventTime watermark;
  std::optional<cep::Program> program;
  const Served<void> asked = context.node.ask(
      [&](runtime::Node& node) {
        program = node.program();
        reports = key_reports(node, *program, *parts);
        watermark = node.intake().watermark();
      },
      kAskPatience);
  if (!asked) return refusal_response(asked.error());
  if (!reports) return problem_of_error(reports.error(), ProblemKind::kBadParameter);
  const cep::Plan& plan = program->plan();
  const std::shared_ptr<const CurrentRules> now = context.rules.current();
  const PlaceOfCondition place = places_in(now->rules.loaded);
  std::string text = fmt::format("{} at {}\n", *request.text("key"), time_text(watermark));
  std::string tables;
  for (const cep::KeyReport& report : *reports) {
    text += format_key_report(plan, report);
    if (!tables.empty()) tables += ',';
    tables += key_report_json(plan, report, place);
  }
  if (request.text("format") == "text") return {200, {}, "text/plain", text};
  return json_text_response(
      200, fmt::format(R"({{"key":{},"watermark":{},"reports":[{}],"text":{}}})",
                       ordered_json(*request.text("key")).dump(), time_json(watermark).dump(),
                       tables, ordered_json(text).dump()));
}

constexpr std::string_view kSchemas = R"({
  "State": {
    "timeline": "text; changes when a savepoint is taken up",
    "next_record": "whole",
    "watermark": "time or null; null before the first event and after the end of time",
    "watermark_held_by": "text or null; the source that holds time back",
    "time_has_ended": "boolean",
    "waiting_events": "whole",
    "waiting_bytes": "whole",
    "keys": "whole; of which something is stored: those whose state has ended count until they are swept",
    "state_bytes": "whole",
    "runs": "whole; partial matches",
    "timers": "whole",
    "sources": [{
      "name": "text",
      "kind": "one of stream, file, partition",
      "state": "one of active, idle, ended",
      "lines": "whole or null",
      "bytes": "whole or null",
      "watermark": "time or null",
      "waiting": "whole",
      "offset?": "whole"
    }],
    "checkpoint": "whole; the number of the newest",
    "rules?": [{"rule": "text", "keys": "whole; with a live partial match", "runs": "whole", "events": "whole", "bytes": "whole"}]
  },
  "ReportedEvents": {"name": "text", "count": "whole", "first": "time", "last": "time"},
  "ReportedMatch": {
    "step": "whole",
    "steps": "whole",
    "complete": "boolean",
    "since": "time",
    "expires": "time or null",
    "deadline": "time or null",
    "waits_for": "text; the name of the step",
    "awaited": [{
      "text": "text; the events that the step takes: their kinds and the condition",
      "file?": "text; where the condition is written",
      "line?": "whole",
      "until?": "time; by then it has to come, where the step has a `within` of its own"
    }],
    "events": "list of ReportedEvents"
  },
  "ReportedWindow": {"begin": "time", "end": "time or null", "events": "ReportedEvents"},
  "ReportedSuppression": {"quiet": "boolean", "until": "time or null", "held_back": "whole"},
  "KeyReport": {
    "at": "time or null; null before the first event and after the end of time",
    "known": "boolean",
    "rules": [{
      "rule": "text",
      "matches": "list of ReportedMatch",
      "more_matches": "whole",
      "window?": "ReportedWindow",
      "suppression?": "ReportedSuppression",
      "lost_runs?": "whole; given up for a budget"
    }],
    "features": "map of any; decimals with all their digits"
  },
  "KeyState": {
    "key": "text",
    "watermark": "time or null",
    "reports": "list of KeyReport",
    "text": "text"
  }
})";
}  // namespace

void add_state_routes(Router& router, ServerContext& context,
                      std::shared_ptr<RuleTotalsReader> totals) {
  router.add_schemas(kSchemas);
  router.add(
      {.method = "GET",
       .path = "/v1/state",
       .operation_id = "getState",
       .tag = "operations",
       .summary = "Time and who holds it, what waits, state and sources, and what each rule "
                  "remembers",
       .description = "The state of each rule is counted over all keys, now or a moment ago; "
                      "rules=false leaves it out.",
       .role = Role::kReader,
       .query_parameters = {{.name = "rules",
                             .type = RouteParameter::Type::kBoolean,
                             .description = "Whether the state of rules is counted; default true"}},
       .answers = {{200, "The state", "application/json", "State"}},
       .handler = [&context, totals = std::move(totals)](ApiRequest& request) {
         return get_state(context, *totals, request);
       }});
  router.add({.method = "GET",
              .path = "/v1/keys/{key}",
              .operation_id = "getKey",
              .tag = "operations",
              .summary = "What is remembered of one key, in words and as data",
              .role = Role::kReader,
              .path_parameters = {{.name = "key",
                                   .description = "NAME=VALUE, such as card=c1; several parts are "
                                                  "separated by commas",
                                   .pattern = "^[A-Za-z0-9_.]+="}},
              .query_parameters = {{.name = "format",
                                    .type = RouteParameter::Type::kWord,
                                    .description = "json (default), or text",
                                    .words = {"json", "text"}}},
              .answers = {{200, "What is remembered", "application/json", "KeyState"},
                          {200, "What is remembered", "text/plain"}},
              .handler = [&context](ApiRequest& request) { return get_key(context, request); }});
}
}  // namespace tocsin::api
