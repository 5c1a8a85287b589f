#include "api/rollout/comparison_route.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "api/rollout/shadow_comparison.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using Type = RouteParameter::Type;
constexpr cep::Duration kWithinMax{30LL * cep::kDayUs};
constexpr std::string_view kSchemas = R"({
  "ComparedAlerts": {
    "alerts": "whole",
    "confirmed": "whole; by people, whenever; a shadow alert without a label has that of the live alert nearest to it",
    "dismissed": "whole",
    "precision?": "number; from 0 to 1; absent: nobody has judged any"
  },
  "ComparedKeys": {
    "both": "whole; keys of alerts of both, however far apart",
    "only_shadow": "whole",
    "only_live": "whole"
  },
  "ComparedSample": {
    "number": "whole",
    "stored_at": "time",
    "live": "boolean",
    "alert": "Alert"
  },
  "RuleComparison": {
    "rule": "text",
    "against?": "text",
    "from?": "time; as asked for, or `within` before the oldest alert in shadow that was examined; absent: there is none, and all live alerts count",
    "to?": "time",
    "within": "text; such as 10m",
    "shadow": "ComparedAlerts; its alerts in shadow",
    "both": "ComparedAlerts; of them, those that a live rule raised too",
    "only_shadow": "ComparedAlerts; the others of them",
    "live": "ComparedAlerts; live alerts by the same key",
    "only_live": "ComparedAlerts; of them, those that the rule in shadow did not raise",
    "keys": "ComparedKeys",
    "rules": [{
      "rule": "text",
      "both": "whole; alerts in shadow that its alerts are nearest to",
      "only_live": "whole"
    }],
    "rules_left_out": "whole; live rules beyond the 20 that met it most often",
    "days": [{
      "day": "text; in UTC, of the alerts' own times; such as 2026-03-02",
      "both": "whole; alerts in shadow that a live rule raised too",
      "only_shadow": "whole",
      "only_live": "whole"
    }],
    "days_left_out": "whole; days with alerts before the newest 92",
    "samples": {
      "both": [{"shadow": "ComparedSample", "live?": "ComparedSample; the nearest one"}],
      "only_shadow": "list of ComparedSample; the newest of them, at most 5",
      "only_live": "list of ComparedSample"
    },
    "labels_left_out": "whole; closed alerts beyond 20,000, whose labels were not looked up: they count as not judged",
    "examined": "whole; alerts of all rules that were looked at, the newest first",
    "complete": "boolean; false: there are older ones of that time, which were not looked at"
  }
})";

ordered_json compared_json(const ComparedAlerts& alerts) {
  ordered_json json = {
      {"alerts", alerts.alerts}, {"confirmed", alerts.confirmed}, {"dismissed", alerts.dismissed}};
  const auto judged = static_cast<double>(alerts.confirmed + alerts.dismissed);
  if (judged > 0) json["precision"] = static_cast<double>(alerts.confirmed) / judged;
  return json;
}

// The alert as it was written, so that decimals keep their digits.
std::string sample_text(const runtime::StoredAlert& alert, const Privacy* masks) {
  return fmt::format(R"({{"number":{},"stored_at":"{}","live":{},"alert":{}}})", alert.number,
                     cep::format_time(alert.stored_at), alert.is_live,
                     masks == nullptr ? alert.line : masks->masked(alert));
}
std::string samples_text(const std::vector<ComparedSample>& samples, bool is_pair,
                         const Privacy* masks) {
  std::string text = "[";
  for (const ComparedSample& sample : samples) {
    if (text.size() > 1) text += ',';
    if (!is_pair) {
      text += sample_text(sample.alert, masks);
      continue;
    }
    text += fmt::format(R"({{"shadow":{})", sample_text(sample.alert, masks));
    if (sample.beside) text += fmt::format(R"(,"live":{})", sample_text(*sample.beside, masks));
    text += '}';
  }
  return text + "]";
}

const cep::Rule* running_rule(const CurrentRules& now, std::string_view id) {
  const std::vector<cep::Rule>& rules = now.rules.program->plan().rules;
  const auto found = std::ranges::find(rules, id, &cep::Rule::id);
  return found == rules.end() ? nullptr : &*found;
}
// Whether there is such a rule for who asks: the tags of one that does not run are not known.
bool is_rule_of(const CurrentRules& now, const TokenScope& scope, std::string_view id) {
  const cep::Rule* running = running_rule(now, id);
  if (running == nullptr) return scope.tags.empty() && now.pack.rule(id).has_value();
  return scope.has_tag_of(running->tags);
}
std::string no_rule_text(const CurrentRules& now, const TokenScope& scope, std::string_view id) {
  return scope.tags.empty() ? now.pack.no_rule_text(id)
                            : fmt::format("there is no rule with the id {}", id);
}

ComparisonRequest read_request(const CurrentRules& now, const ApiRequest& request) {
  ComparisonRequest wanted;
  wanted.rule = *request.text("rule");
  wanted.scope = request.grant.scope;
  if (const cep::Rule* running = running_rule(now, wanted.rule)) {
    wanted.key.emplace();
    for (const cep::KeyPart& part : running->key.parts) wanted.key->push_back(part.name);
  }
  if (const auto against = request.text("against")) wanted.against = std::string(*against);
  if (const auto from = request.text("from")) wanted.from = cep::parse_time(*from);
  if (const auto to = request.text("to")) wanted.to = cep::parse_time(*to);
  if (const auto within = request.text("within")) wanted.within = *cep::parse_duration(*within);
  wanted.within = std::min(wanted.within, kWithinMax);
  return wanted;
}

ordered_json numbers_json(const ComparisonRequest& wanted, const ShadowComparison& found) {
  ordered_json json = {{"rule", wanted.rule}};
  if (wanted.against) json["against"] = *wanted.against;
  if (found.from) json["from"] = cep::format_time(*found.from);
  if (wanted.to) json["to"] = cep::format_time(*wanted.to);
  json["within"] = cep::format_duration(wanted.within);
  json["shadow"] = compared_json(found.shadow);
  json["both"] = compared_json(found.both);
  json["only_shadow"] = compared_json(found.only_shadow);
  json["live"] = compared_json(found.live);
  json["only_live"] = compared_json(found.only_live);
  json["keys"] = {{"both", found.keys.both},
                  {"only_shadow", found.keys.only_shadow},
                  {"only_live", found.keys.only_live}};
  json["rules"] = ordered_json::array();
  for (const ComparedRule& rule : found.rules)
    json["rules"].push_back({{"rule", rule.rule}, {"both", rule.both}, {"only_live", rule.only}});
  json["rules_left_out"] = found.rules_left_out;
  json["days"] = ordered_json::array();
  for (const ComparedDay& day : found.days) {
    json["days"].push_back({{"day", day.day},
                            {"both", day.both},
                            {"only_shadow", day.only_shadow},
                            {"only_live", day.only_live}});
  }
  json["days_left_out"] = found.days_left_out;
  json["labels_left_out"] = found.labels_left_out;
  json["examined"] = found.examined;
  json["complete"] = found.is_complete;
  return json;
}

HttpResponse compare(const ComparisonSources& sources, ApiRequest& request) {
  const std::shared_ptr<const CurrentRules> now = sources.rules.current();
  const TokenScope& scope = request.grant.scope;
  ComparisonRequest wanted = read_request(*now, request);
  wanted.rows_max = sources.rows_max;
  if (!is_rule_of(*now, scope, wanted.rule))
    return problem_response(ProblemKind::kNotFound, no_rule_text(*now, scope, wanted.rule));
  const bool is_late = !sources.await_stored();
  const Result<ShadowComparison> found =
      compare_shadow(sources.effects.reader(), sources.triage, wanted);
  if (!found) return problem_of_error(found.error());
  // Alerts of a rule that was removed are compared all the same.
  if (wanted.against && found->live.alerts == 0 && !is_rule_of(*now, scope, *wanted.against))
    return bad_parameter_response("against", no_rule_text(*now, scope, *wanted.against));
  const bool is_masked = sources.privacy != nullptr && !sources.privacy->sees(request.grant);
  const Privacy* masks = is_masked ? sources.privacy : nullptr;
  std::string text =
      numbers_json(wanted, *found).dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  text.pop_back();
  text += fmt::format(R"(,"samples":{{"both":{},"only_shadow":{},"only_live":{}}}}})",
                      samples_text(found->samples_both, true, masks),
                      samples_text(found->samples_only_shadow, false, masks),
                      samples_text(found->samples_only_live, false, masks));
  const bool has_samples = !found->samples_both.empty() || !found->samples_only_shadow.empty() ||
                           !found->samples_only_live.empty();
  if (has_samples && sources.privacy != nullptr) sources.privacy->note_read(request);
  return maybe_behind(json_text_response(200, std::move(text)), is_late);
}
}  // namespace

void add_comparison_route(Router& router, ComparisonSources sources) {
  router.add_schemas(kSchemas);
  ReadSlots* const reads = sources.reads;
  RouteHandler handler = [sources = std::move(sources)](ApiRequest& request) {
    return compare(sources, request);
  };
  router.add(
      {.method = "GET",
       .path = "/v1/rules/{rule}/comparison",
       .operation_id = "compareRule",
       .tag = "triage",
       .summary = "A rule's alerts in shadow beside the live alerts of the same keys",
       .description =
           "An alert in shadow and a live one are the same finding if their keys are equal and "
           "their times are not further apart than `within`. Live alerts are those of all other "
           "rules by the same key, or of the rule `against`. Without `from` the comparison begins "
           "`within` before the oldest alert in shadow. It is made of the newest alerts of all "
           "rules, as many as one request examines (`alerts.query_rows_max`), and of at most "
           "200,000 alerts of the two sides; `complete` says whether these were all of that time.",
       .role = Role::kReader,
       .scoped_by = kAnyScope,
       .path_parameters = {{"rule", Type::kText, "The rule's id"}},
       .query_parameters = {{"from", Type::kTime, "Alerts with a time of this or later"},
                            {"to", Type::kTime, "Alerts with an earlier time"},
                            {"within", Type::kDuration,
                             "How far apart the two may be; default 10m, and more than 30d is 30d"},
                            {"against", Type::kText,
                             "The id of a rule, whose live alerts count alone; default: all rules "
                             "but this one"}},
       .answers = {{200, "Numbers, labels and samples", "application/json", "RuleComparison"}},
       .answer_headers = {"Tocsin-Behind"},
       .handler = reads != nullptr ? reads->around(std::move(handler)) : std::move(handler)});
}
}  // namespace tocsin::api
