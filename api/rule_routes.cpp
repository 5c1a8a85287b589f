#include "api/rule_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/explain_json.h"
#include "api/explain_text.h"
#include "api/request_json.h"
#include "api/rule_loader.h"
#include "api/rule_sources.h"
#include "cep/identity.h"
#include "cep/key_report.h"
#include "cep/value.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::size_t kRulesBytesMax = std::size_t{16} << 20;
// Rules that are checked at once: each check may take a processor for seconds.
constexpr int kChecksMax = 2;

// What does not change while the server runs.
struct Catalogue {
  std::map<std::string, RuleSource> sources;
  runtime::NodeSettings settings;  // the digests
  std::atomic<int> checks{0};      // under way
};

ordered_json rule_json(const ServerContext& context, const Catalogue& catalogue, std::size_t index,
                       const NodeFigures& figures) {
  const cep::Rule& rule = context.rules.program->plan().rules[index];
  const runtime::RuleSettings& digests = catalogue.settings.rules[index];
  ordered_json json = {{"id", rule.id},
                       {"name", rule.name},
                       {"title", rule.title},
                       {"status", status_name(rule.status)},
                       {"owner", rule.owner},
                       {"tags", rule.tags},
                       {"digests",
                        {{"state", cep::hex(digests.state)},
                         {"suppression", cep::hex(digests.suppression)},
                         {"presentation", cep::hex(digests.presentation)}}}};
  const std::vector<std::uint64_t>& alerts = figures.summary.alerts_by_rule;
  json["alerts"] = index < alerts.size() ? alerts[index] : 0;
  const auto source = catalogue.sources.find(rule.name);
  if (source != catalogue.sources.end()) {
    json["file"] = source->second.file;
    json["line"] = source->second.line;
  }
  return json;
}

HttpResponse list_rules(const ServerContext& context, const Catalogue& catalogue) {
  const NodeFigures figures = context.node.figures();
  ordered_json list = ordered_json::array();
  for (std::size_t i = 0; i < context.rules.program->plan().rules.size(); ++i) {
    list.push_back(rule_json(context, catalogue, i, figures));
  }
  return json_response({{"plan", cep::hex(catalogue.settings.plan)}, {"rules", list}});
}

// The rule of that id, or the problem.
tl::expected<std::size_t, HttpResponse> find_rule(const ServerContext& context,
                                                  std::string_view id) {
  const std::vector<cep::Rule>& rules = context.rules.program->plan().rules;
  const auto found = std::ranges::find(rules, id, &cep::Rule::id);
  if (found != rules.end()) return static_cast<std::size_t>(found - rules.begin());
  return tl::unexpected(
      problem_response(ProblemKind::kNotFound, fmt::format("there is no rule with the id {}", id)));
}

HttpResponse get_rule(const ServerContext& context, const Catalogue& catalogue,
                      RuleTotalsReader& reader, const ApiRequest& request) {
  const auto index = find_rule(context, *request.text("rule"));
  if (!index) return index.error();
  const cep::Rule& rule = context.rules.program->plan().rules[*index];
  ordered_json json = rule_json(context, catalogue, *index, context.node.figures());
  json["description"] = rule.description;
  json["references"] = rule.references;
  json["false_positives"] = rule.false_positives;
  const auto source = catalogue.sources.find(rule.name);
  json["source"] =
      source == catalogue.sources.end() ? ordered_json(nullptr) : ordered_json(source->second.text);
  const auto all = reader.read(kAskPatience);
  if (!all) return refusal_response(all.error());
  const cep::RuleTotals& totals = (*all)[*index];
  json["state"] = {{"keys", totals.keys},
                   {"runs", totals.runs},
                   {"events", totals.captured_events},
                   {"bytes", totals.bytes}};
  return json_response(json);
}

HttpResponse explain_rule(const ServerContext& context, const ApiRequest& request) {
  const auto index = find_rule(context, *request.text("rule"));
  if (!index) return index.error();
  const cep::RuleIndex rule{static_cast<std::uint32_t>(*index)};
  if (request.text("format") == "text") {
    return {200, {}, "text/plain", explanation_text(*context.rules.program, rule, {})};
  }
  return {200, {}, "application/json", explain_json(*context.rules.program, rule) + "\n"};
}

// The files of a body: {"files": {"PATH": "TEXT", …}}, or one of plain text.
tl::expected<std::map<std::string, std::string>, HttpResponse> read_files(ServerContext& context,
                                                                          ApiRequest& request) {
  const std::string_view type = request.http.head().header("content-type").value_or("");
  std::map<std::string, std::string> files;
  if (type.starts_with("text/plain")) {
    BodyBudget::Hold hold(context.bodies);
    auto body = read_whole_body(request.http, hold);
    if (!body) return tl::unexpected(body.error());
    files.emplace("rules.tocsin", *std::move(body));
    return files;
  }
  const auto body = read_json(context, request, kRulesBytesMax);
  if (!body) return tl::unexpected(body.error());
  if (auto bad = check_members(*body, {"files"})) return tl::unexpected(std::move(*bad));
  const auto wrong = [] {
    return tl::unexpected(problem_response(
        ProblemKind::kBadBody,
        R"(the body is {"files": {"PATH": "TEXT", …}}, with a path that ends in .tocsin)"));
  };
  if (!body->contains("files") || !(*body)["files"].is_object()) return wrong();
  bool has_rules = false;
  for (const auto& file : (*body)["files"].items()) {
    if (!file.value().is_string()) return wrong();
    has_rules = has_rules || file.key().ends_with(".tocsin");
    files.emplace(file.key(), file.value().get<std::string>());
  }
  if (!has_rules) return wrong();
  return files;
}

// Only what the body holds is read: no file of this machine is.
LoadedRules check_files(const std::map<std::string, std::string>& files) {
  std::vector<std::string> paths;
  for (const auto& [path, text] : files) {
    if (path.ends_with(".tocsin")) paths.push_back(path);
  }
  rules::LoadOptions options;
  options.warn_of_untested = true;
  return load_rules(paths, options, [&](const std::string& path) -> Result<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return fail(Errc::kNotFound, "it is not among the files sent");
    return found->second;
  });
}

HttpResponse validate_rules(ServerContext& context, Catalogue& catalogue, ApiRequest& request) {
  const auto files = read_files(context, request);
  if (!files) return files.error();
  struct Check {
    explicit Check(std::atomic<int>& count_in) : count(count_in), is_one(++count <= kChecksMax) {}
    Check(const Check&) = delete;
    Check& operator=(const Check&) = delete;
    ~Check() { --count; }
    std::atomic<int>& count;
    const bool is_one;
  };
  const Check check(catalogue.checks);
  if (!check.is_one) {
    return refusal_response({Refusal::Why::kFull, "other rules are being checked; try again"});
  }
  const LoadedRules rules = check_files(*files);
  std::string text = fmt::format(R"({{"valid":{},"errors":{},"warnings":{},"rules":[)",
                                 rules.errors() == 0, rules.errors(), rules.warnings());
  if (rules.program) {
    for (const cep::Rule& rule : rules.program->plan().rules) {
      if (text.back() != '[') text += ',';
      cep::append_json_string(text, rule.id);
    }
  }
  text += R"(],"diagnostics":[)";
  std::string lines = render_diagnostics_json(rules);
  if (!lines.empty()) lines.pop_back();
  std::ranges::replace(lines, '\n', ',');  // one object a line, and no line end within
  return {200, {}, "application/json", text + lines + "]}\n"};
}
}  // namespace

void add_rule_routes(Router& router, ServerContext& context,
                     std::shared_ptr<RuleTotalsReader> totals) {
  const auto catalogue = std::make_shared<Catalogue>();
  catalogue->sources = rule_sources(context.rules);
  catalogue->settings = runtime::settings_of(*context.rules.program, {});
  const RouteParameter rule{"rule", RouteParameter::Type::kText, "Its id"};
  router.add(
      {.method = "GET",
       .path = "/v1/rules",
       .operation_id = "listRules",
       .tag = "rules",
       .summary = "The rules that run, with their digests and alerts",
       .role = Role::kReader,
       .answers = {{200, "The rules", "application/json"}},
       .handler = [&context, catalogue](ApiRequest&) { return list_rules(context, *catalogue); }});
  router.add({.method = "GET",
              .path = "/v1/rules/{rule}",
              .operation_id = "getRule",
              .tag = "rules",
              .summary = "One rule: as it is written, its status, digests, alerts and state",
              .role = Role::kReader,
              .path_parameters = {rule},
              .answers = {{200, "The rule", "application/json"}},
              .handler = [&context, catalogue, totals = std::move(totals)](ApiRequest& request) {
                return get_rule(context, *catalogue, *totals, request);
              }});
  router.add(
      {.method = "GET",
       .path = "/v1/rules/{rule}/explain",
       .operation_id = "explainRule",
       .tag = "rules",
       .summary = "One rule in plain English, how it runs, what it keeps and costs",
       .role = Role::kReader,
       .path_parameters = {rule},
       .query_parameters = {{.name = "format",
                             .type = RouteParameter::Type::kWord,
                             .description = "json (unless said), or text",
                             .words = {"json", "text"}}},
       .answers = {{200, "The explanation", "application/json"}},
       .handler = [&context](ApiRequest& request) { return explain_rule(context, request); }});
  router.add({.method = "POST",
              .path = "/v1/rules/validate",
              .operation_id = "validateRules",
              .tag = "rules",
              .summary = "Check rules without running them: everything that is wrong, with places",
              .description = "As `tocsin check --format json` says it. The files of the body are "
                             "one set; nothing else is read.",
              .role = Role::kReader,
              .body = RouteBody{{"application/json", "text/plain"}},
              .answers = {{200, "Whether they check, and what is wrong", "application/json"}},
              .problems = {413, 415},
              .handler = [&context, catalogue](ApiRequest& request) {
                return validate_rules(context, *catalogue, request);
              }});
}
}  // namespace tocsin::api
