#include "api/server/rule_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/node/pack_request.h"
#include "api/rest/json_body.h"
#include "api/rollout/deploy_routes.h"
#include "api/rules/rule_loader.h"
#include "api/rules/rule_sources.h"
#include "api/rules/text_cache.h"
#include "cep/compile/compile.h"
#include "cep/data/alert.h"
#include "cep/data/alert_format.h"
#include "cep/engine/key_report.h"
#include "cep/plan/rule.h"
#include "cep/value/identity.h"
#include "cep/value/value.h"
#include "library/explain/explain_json.h"
#include "library/explain/explain_text.h"
#include "library/testing/silent_rule.h"
#include "runtime/event_time/run.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::size_t kDryRunBytesMax = std::size_t{16} << 20;
constexpr std::size_t kDryRunAlertsMax = 10'000;
// How far a rule came is found by running it several times.
constexpr std::uint64_t kNearMissEventsMax = 1'000;

std::uint64_t alerts_of(const NodeFigures& figures, const std::string& id) {
  if (!figures.program) return 0;
  const std::vector<cep::Rule>& rules = figures.program->plan().rules;
  const auto found = std::ranges::find(rules, id, &cep::Rule::id);
  const auto index = static_cast<std::size_t>(found - rules.begin());
  const std::vector<std::uint64_t>& alerts = figures.summary.alerts_by_rule;
  return index < alerts.size() ? alerts[index] : 0;
}

using Rollouts = std::map<std::string, Rollout>;

// One that runs.
ordered_json rule_json(const CurrentRules& now, const Rollouts& rollouts, std::size_t index,
                       const NodeFigures& figures) {
  const cep::Rule& rule = now.rules.program->plan().rules[index];
  const runtime::RuleSettings& digests = now.settings.rules[index];
  ordered_json json = {{"id", rule.id},
                       {"name", rule.name},
                       {"title", rule.title},
                       {"status", status_name(rule.status)},
                       {"stage", text_of(rollout_of(rollouts, rule.id))},
                       {"owner", rule.owner},
                       {"tags", rule.tags},
                       {"digests",
                        {{"state", cep::hex(digests.state)},
                         {"suppression", cep::hex(digests.suppression)},
                         {"presentation", cep::hex(digests.presentation)}}}};
  json["alerts"] = alerts_of(figures, rule.id);
  const auto source = now.sources.find(rule.name);
  if (source != now.sources.end()) {
    json["file"] = source->second.file;
    json["line"] = source->second.line;
  }
  return json;
}

// One that does not: a draft, or one held back to it.
ordered_json rule_json(const Rollouts& rollouts, const RuleText& rule) {
  return {{"id", rule.id},
          {"name", rule.name},
          {"status", "draft"},
          {"stage", text_of(rollout_of(rollouts, rule.id))},
          {"file", rule.path}};
}

HttpResponse list_rules(const ServerContext& context, const TokenScope& scope) {
  const std::shared_ptr<const CurrentRules> now = context.rules.current();
  const NodeFigures figures = context.node.figures();
  ordered_json list = ordered_json::array();
  const Rollouts rollouts = now->pack.rollouts();
  const auto changes = context.rules.last_changes();
  const std::vector<RuleText> texts = now->pack.rules();
  std::map<std::string_view, const RuleText*> text_of_rule;
  for (const RuleText& text : texts) text_of_rule.emplace(text.id, &text);
  const auto add = [&](ordered_json json, const std::string& id) {
    if (const auto text = text_of_rule.find(id); text != text_of_rule.end())
      json["tests"] = text->second->tests;
    if (const auto change = changes.find(id); change != changes.end()) {
      json["changed"] = {{"version", change->second.version},
                         {"at", cep::format_time(change->second.at)}};
      if (!change->second.who.empty()) json["changed"]["who"] = change->second.who;
    }
    list.push_back(std::move(json));
  };
  std::set<std::string> running;
  const std::vector<cep::Rule>& rules = now->rules.program->plan().rules;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (!scope.has_tag_of(rules[i].tags)) continue;
    add(rule_json(*now, rollouts, i, figures), rules[i].id);
    running.insert(rules[i].id);
  }
  // The tags of those that do not run are not known.
  for (const RuleText& rule : texts) {
    if (!scope.tags.empty()) break;
    if (!running.contains(rule.id)) add(rule_json(rollouts, rule), rule.id);
  }
  return json_response(200, {{"version", now->version},
                             {"plan", cep::hex(now->settings.plan)},
                             {"rules", std::move(list)}});
}

// Who is limited to rules with some tags is told of no others.
HttpResponse no_rule(const RulePack& pack, const ApiRequest& request) {
  const std::string_view id = *request.text("rule");
  return problem_response(ProblemKind::kNotFound,
                          request.grant.scope.tags.empty()
                              ? pack.no_rule_text(id)
                              : fmt::format("there is no rule with the id {}", id));
}

// The place in the plan of the rule that runs under the id that is asked for.
std::optional<std::size_t> find_rule(const cep::Plan& plan, const ApiRequest& request) {
  const auto found = std::ranges::find(plan.rules, *request.text("rule"), &cep::Rule::id);
  if (found == plan.rules.end() || !request.grant.scope.has_tag_of(found->tags))
    return std::nullopt;
  return static_cast<std::size_t>(found - plan.rules.begin());
}

HttpResponse get_rule(const ServerContext& context, RuleTotalsReader& reader,
                      const ApiRequest& request) {
  const std::shared_ptr<const CurrentRules> now = context.rules.current();
  const std::string id(*request.text("rule"));
  const std::optional<RuleText> text = now->pack.rule(id);
  const std::optional<std::size_t> index = find_rule(now->rules.program->plan(), request);
  const bool may_be_draft = request.grant.scope.tags.empty();
  if (!index && (!text || !may_be_draft)) return no_rule(now->pack, request);
  const Rollouts rollouts = now->pack.rollouts();
  ordered_json json = index ? rule_json(*now, rollouts, *index, context.node.figures())
                            : rule_json(rollouts, *text);
  if (index) {
    const cep::Rule& rule = now->rules.program->plan().rules[*index];
    json["description"] = rule.description;
    json["references"] = rule.references;
    json["false_positives"] = rule.false_positives;
  }
  json["source"] = text ? ordered_json(text->text) : ordered_json(nullptr);
  if (index) {
    const auto all = reader.read(kAskPatience);
    if (!all) return refusal_response(all.error());
    const auto found = all->find(id);
    const cep::RuleTotals totals = found == all->end() ? cep::RuleTotals{} : found->second;
    json["state"] = {{"keys", totals.keys},
                     {"runs", totals.runs},
                     {"events", totals.captured_events},
                     {"bytes", totals.bytes}};
  }
  HttpResponse response = json_response(200, json);
  const std::string etag = rule_etag(now->pack, id);
  if (!etag.empty()) response.headers.push_back({"ETag", "\"" + etag + "\""});
  return response;
}

HttpResponse explain_rule(const ServerContext& context, const ApiRequest& request) {
  const std::shared_ptr<const CurrentRules> now = context.rules.current();
  const cep::Program& program = *now->rules.program;
  const std::optional<std::size_t> index = find_rule(program.plan(), request);
  if (!index) return no_rule(now->pack, request);
  const cep::RuleIndex rule{static_cast<std::uint32_t>(*index)};
  if (request.text("format") == "text") {
    return {200, {}, "text/plain", library::explanation_text(program, rule, nullptr, {})};
  }
  return {200, {}, "application/json", library::explain_json(program, rule, nullptr) + "\n"};
}

runtime::RunOptions within(const CheckLimits& limits) {
  const auto end = std::chrono::steady_clock::now() + limits.time_max;
  runtime::RunOptions options;
  options.state_bytes_max = limits.memory_max;
  options.stop_requested = [end] { return std::chrono::steady_clock::now() >= end; };
  return options;
}
HttpResponse dry_run_refused(const Error& error, const CheckLimits& limits) {
  if (error.code == Errc::kStopped) {
    return problem_response(
        ProblemKind::kLimitReached,
        fmt::format("the dry run takes more than {} s (checks.time_max): give it fewer events, or "
                    "start a backtest",
                    std::chrono::duration<double>(limits.time_max).count()));
  }
  if (error.code != Errc::kLimit) return problem_of_error(error);
  return problem_response(ProblemKind::kLimitReached,
                          error.message +
                              " (checks.memory_max): give it fewer events, or rules "
                              "that remember less");
}

// The rule that a dry run is asked about; one that is a draft does not run.
struct MissedRule {
  bool is_wanted = false;
  std::optional<cep::RuleIndex> rule;
};
tl::expected<MissedRule, HttpResponse> missed_rule(const ordered_json& body,
                                                   const cep::Plan& plan) {
  const auto of = body.find("near_miss_of");
  if (of == body.end()) return MissedRule{};
  if (!of->is_string()) {
    return tl::unexpected(
        problem_response(ProblemKind::kBadBody, "`near_miss_of` is the name of a rule"));
  }
  const auto rule = std::ranges::find(plan.rules, of->get<std::string>(), &cep::Rule::name);
  if (rule == plan.rules.end()) return MissedRule{true, {}};
  return MissedRule{true, cep::RuleIndex(static_cast<std::size_t>(rule - plan.rules.begin()))};
}

// How far the rule came that raised no alert.
std::string near_miss_text(const cep::Program& program, const std::string& lines,
                           const runtime::RunSummary& summary, std::optional<cep::RuleIndex> rule,
                           const runtime::RunOptions& options) {
  if (!rule) return "no rule of this name runs: it is a draft, or is not there\n";
  if (summary.alerts_by_rule[rule->value] > 0) return "it alerts\n";
  if (summary.events > kNearMissEventsMax) {
    return fmt::format("there are more than {} events: how far it came is not looked for\n",
                       kNearMissEventsMax);
  }
  const auto replay =
      [&](std::shared_ptr<const cep::Plan> plan) -> Result<std::vector<cep::Alert>> {
    const std::unique_ptr<TextCacheFolder> cache = open_text_cache();
    const Result<cep::Program> derived = cep::compile(std::move(plan), {}, cache.get());
    if (!derived) return tl::unexpected(derived.error());
    std::vector<cep::Alert> alerts;
    runtime::Sinks sinks;
    sinks.alert = [&](const cep::Alert& alert) -> Result<void> {
      alerts.push_back(alert);
      return {};
    };
    const auto ran = runtime::run(*derived, {{"events", lines}}, options, sinks);
    if (!ran) return tl::unexpected(ran.error());
    return alerts;
  };
  const Result<std::string> text = library::explain_silence(program.plan(), *rule, replay);
  return text ? *text : fmt::format("how far it came is not known: {}\n", text.error().message);
}

// Rules over given events, beside everything else: nothing is kept.
HttpResponse dry_run(ServerContext& context, ApiRequest& request) {
  const auto body = read_json_object(request, {"events", "files", "near_miss_of"}, kDryRunBytesMax);
  if (!body) return body.error();
  if (!body->contains("events") || !(*body)["events"].is_array()) {
    return problem_response(
        ProblemKind::kBadBody,
        R"(the body is {"events": [EVENT, …], "files": {"PATH": "TEXT", …}}; without files it is the rules that run)");
  }
  const std::shared_ptr<const CurrentRules> now = context.rules.current();
  LoadedRules other;
  const LoadedRules* rules = &now->rules;
  if (body->contains("files")) {
    if (!(*body)["files"].is_object()) {
      return problem_response(ProblemKind::kBadBody, R"(`files` is {"PATH": "TEXT", …})");
    }
    Result<RulePack> pack = RulePack();
    for (const auto& [path, text] : (*body)["files"].items()) {
      if (!text.is_string()) {
        return problem_response(ProblemKind::kBadBody, "`files` has a text for each path");
      }
      pack = pack->with_file(path, text.get<std::string>());
      if (!pack) return problem_response(ProblemKind::kBadBody, pack.error().message);
    }
    if (auto refusal = RuleService::check(*pack, true, other)) return refused(*refusal);
    rules = &other;
  }
  const auto missed = missed_rule(*body, rules->program->plan());
  if (!missed) return missed.error();
  std::string lines;
  for (const ordered_json& event : (*body)["events"]) lines += event.dump() + "\n";
  const cep::Plan& plan = rules->program->plan();
  cep::AlertFormat format(plan);
  std::string alerts;  // as text: decimals have all their digits
  std::size_t alert_count = 0;
  ordered_json late = ordered_json::array();
  ordered_json invalid = ordered_json::array();
  std::size_t left_out = 0;
  runtime::Sinks sinks;
  sinks.alert = [&](const cep::Alert& alert) -> Result<void> {
    if (cep::status_of(plan, alert) == cep::Status::kInternal) return {};
    if (alert_count == kDryRunAlertsMax) {
      ++left_out;
    } else {
      if (alert_count++ > 0) alerts += ',';
      alerts += format.line(alert);
    }
    return {};
  };
  sinks.late = [&](const runtime::LateEvent& event) {
    late.push_back({{"event", event.line - 1}, {"late_by", cep::format_duration(event.late_by)}});
  };
  sinks.dead_letter = [&](const runtime::DeadLetter& dead) {
    invalid.push_back({{"event", dead.line - 1}, {"reason", dead.reason}});
  };
  const CheckLimits& limits = context.checks->limits();
  const runtime::RunOptions options = within(limits);
  const auto summary = runtime::run(*rules->program, {{"events", lines}}, options, sinks);
  if (!summary) return dry_run_refused(summary.error(), limits);
  ordered_json rest = {{"alerts_left_out", left_out},
                       {"late", std::move(late)},
                       {"invalid", std::move(invalid)},
                       {"events", summary->events}};
  if (missed->is_wanted) {
    rest["near_miss"] = near_miss_text(*rules->program, lines, *summary, missed->rule, options);
  }
  return json_text_response(
      200,
      fmt::format(R"({{"alerts":[{}],{})", alerts,
                  rest.dump(-1, ' ', false, ordered_json::error_handler_t::replace).substr(1)));
}

constexpr std::string_view kSchemas = R"({
  "RuleSummary": {
    "id": "text",
    "name": "text",
    "title?": "text",
    "status": "one of draft, shadow, live, internal",
    "stage": "text; draft, shadow, live, a share such as live 10%, or retired",
    "owner?": "text",
    "tags?": "list of text",
    "digests?": {"state": "text", "suppression": "text", "presentation": "text"},
    "alerts?": "whole",
    "file?": "text",
    "line?": "whole",
    "tests?": "whole; that its file has for it; in the list",
    "changed?": {"version": "whole", "at": "time", "who?": "text"}
  },
  "RuleList": {"version": "whole", "plan": "text", "rules": "list of RuleSummary"},
  "Rule": {
    "like": "RuleSummary",
    "description?": "text",
    "references?": "list of text",
    "false_positives?": "list of text",
    "source": "text or null",
    "state?": {"keys": "whole", "runs": "whole", "events": "whole", "bytes": "whole"}
  },
  "FileTexts": {"$schema": {
    "type": "object",
    "description": "Texts by path, relative to the pack: cards/probing.tocsin",
    "propertyNames": {"pattern": "^(?!\\.\\.)(?!([\\s\\S]*/)?\\.{1,2}(/|$))[^/]+(/[^/]+)*$"},
    "additionalProperties": {"type": "string"}
  }},
  "FileChanges": {"$schema": {
    "type": "object",
    "description": "Texts by path, as in FileTexts; null removes the file",
    "propertyNames": {"pattern": "^(?!\\.\\.)(?!([\\s\\S]*/)?\\.{1,2}(/|$))[^/]+(/[^/]+)*$"},
    "additionalProperties": {"type": ["string", "null"]}
  }},
  "DryRun": {"body": true, "events": "list of any", "files?": "FileTexts; none: the rules that run", "near_miss_of?": "text; the name of a rule"},
  "DryRunResult": {
    "alerts": "list of Alert",
    "alerts_left_out": "whole",
    "late": [{"event": "whole; its place in the body, from 0", "late_by": "text"}],
    "invalid": [{"event": "whole", "reason": "text"}],
    "events": "whole",
    "near_miss?": "text; how far that rule came, and what stopped it, where it raised no alert; of 1,000 events at most"
  }
})";

void add_dry_run(Router& router, ServerContext& context) {
  router.add({.method = "POST",
              .path = "/v1/rules/dry-run",
              .operation_id = "dryRun",
              .tag = "rules",
              .summary = "Run rules over the events in the body, separately from the server's "
                         "state: nothing is stored",
              .role = Role::kReader,
              .effect = RouteEffect::kNothing,
              .body = RouteBody{.media_types = {"application/json"},
                                .schema = "DryRun",
                                .bytes_max = kDryRunBytesMax},
              .answers = {{200, "The alerts that they raise, and events that were set aside",
                           "application/json", "DryRunResult"}},
              .problems = {413, 415, 422},
              .handler = [&context](ApiRequest& request) {
                return context.checks->run([&] { return dry_run(context, request); });
              }});
}
}  // namespace

void add_rule_routes(Router& router, ServerContext& context,
                     std::shared_ptr<RuleTotalsReader> totals) {
  router.add_schemas(kSchemas);
  const RouteParameter rule{"rule", RouteParameter::Type::kText, "Its id"};
  router.add({.method = "GET",
              .path = "/v1/rules",
              .operation_id = "listRules",
              .tag = "rules",
              .summary = "The rules, with their digests, alerts, tests and last change",
              .role = Role::kReader,
              .scoped_by = kAnyScope,
              .answers = {{200, "The rules", "application/json", "RuleList"}},
              .handler = [&context](ApiRequest& request) {
                return list_rules(context, request.grant.scope);
              }});
  router.add({.method = "GET",
              .path = "/v1/rules/{rule}",
              .operation_id = "getRule",
              .tag = "rules",
              .summary = "One rule: as it is written, its status, digests, alerts and state",
              .role = Role::kReader,
              .scoped_by = kAnyScope,
              .path_parameters = {rule},
              .answers = {{200, "The rule", "application/json", "Rule"}},
              .answer_headers = {"ETag"},
              .handler = [&context, totals = std::move(totals)](ApiRequest& request) {
                return get_rule(context, *totals, request);
              }});
  router.add(
      {.method = "GET",
       .path = "/v1/rules/{rule}/explain",
       .operation_id = "explainRule",
       .tag = "rules",
       .summary = "One rule in plain English, how it runs, what it keeps and costs",
       .role = Role::kReader,
       .scoped_by = kAnyScope,
       .path_parameters = {rule},
       .query_parameters = {{.name = "format",
                             .type = RouteParameter::Type::kWord,
                             .description = "json (unless said), or text",
                             .words = {"json", "text"}}},
       .answers = {{200, "The explanation", "application/json", "Explanation"},
                   {200, "The explanation", "text/plain"}},
       .handler = [&context](ApiRequest& request) { return explain_rule(context, request); }});
  add_dry_run(router, context);
}
}  // namespace tocsin::api
