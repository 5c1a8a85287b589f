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

HttpResponse get_key(ServerContext& context, const ApiRequest& request) {
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
  std::string text = fmt::format("{} at {}\n", *request.text("key"), time_text(watermark));
  std::string tables;
  for (const cep::KeyReport& report : *reports) {
    text += format_key_report(plan, report);
    if (!tables.empty()) tables += ',';
    tables += key_report_json(plan, report);
  }
  if (request.text("format") == "text") return {200, {}, "text/plain", text};
  return json_text_response(
      200, fmt::format(R"({{"key":{},"watermark":{},"reports":[{}],"text":{}}})",
                       ordered_json(*request.text("key")).dump(), time_json(watermark).dump(),
                       tables, ordered_json(text).dump()));
}

}  // namespace

void add_state_routes(Router& router, ServerContext& context,
                      std::shared_ptr<RuleTotalsReader> totals) {
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
       .answers = {{200, "The state", "application/json"}},
       .handler = [&context, totals = std::move(totals)](ApiRequest& request) {
         return get_state(context, *totals, request);
       }});
  router.add(
      {.method = "GET",
       .path = "/v1/keys/{key}",
       .operation_id = "getKey",
       .tag = "operations",
       .summary = "What is remembered of one key, in words and as data",
       .role = Role::kReader,
       .path_parameters = {{"key", RouteParameter::Type::kText,
                            "NAME=VALUE, such as card=c1; several parts are separated by commas"}},
       .query_parameters = {{.name = "format",
                             .type = RouteParameter::Type::kWord,
                             .description = "json (default), or text",
                             .words = {"json", "text"}}},
       .answers = {{200, "What is remembered", "application/json"},
                   {200, "What is remembered", "text/plain"}},
       .handler = [&context](ApiRequest& request) { return get_key(context, request); }});
}
}  // namespace tocsin::api
