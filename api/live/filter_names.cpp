#include "api/live/filter_names.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "api/alerts/alert_filter_json.h"
#include "api/alerts/alert_line.h"
#include "api/alerts/alert_scope.h"
#include "api/rest/problem.h"
#include "cep/data/alert.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "rules/text/suggest.h"

namespace tocsin::api {
namespace {
std::string unknown_text(std::string_view what, const std::string& name,
                         const std::set<std::string, std::less<>>& known) {
  const std::optional<std::string> meant =
      rules::nearest(name, std::vector<std::string>(known.begin(), known.end()));
  return fmt::format("there is no {} {}{}", what, name,
                     meant ? fmt::format(": did you mean {}?", *meant) : "");
}
}  // namespace

std::optional<HttpResponse> FilterNames::refused(const AlertFilter& filter) const {
  const std::optional<Unknown> found = unknown(filter);
  if (!found) return std::nullopt;
  return bad_parameter_response(found->part, found->detail);
}

std::optional<HttpResponse> FilterNames::refused(const nlohmann::ordered_json& settings,
                                                 const TokenScope& scope) const {
  if (!settings.is_object() || !settings.contains("filter")) return std::nullopt;
  AlertFilter filter;
  if (!read_alert_filter(settings.at("filter"), kFilterListMax, filter)) return std::nullopt;
  filter.scope = scope;
  const std::optional<Unknown> found = unknown(filter);
  if (!found) return std::nullopt;
  return problem_response(ProblemKind::kBadBody,
                          fmt::format("filter.{}s: {}", found->part, found->detail));
}

std::optional<HttpResponse> FilterNames::refused_rule(std::string_view rule) const {
  AlertFilter filter;
  filter.rules.emplace(rule);
  const std::optional<Unknown> found = unknown(filter);
  if (!found) return std::nullopt;
  return problem_response(ProblemKind::kNotFound, found->detail);
}

// Whether it is known of a rule that does not hold, without a look at alerts.
bool FilterNames::has_run(std::string_view rule, const TokenScope& scope) const {
  if (rule == cep::kBudgetRule) return true;
  return scope.tags.empty() && sources_.privacy != nullptr && sources_.privacy->has_rule(rule);
}

// Drops the names that stored alerts have. False: there are older ones than were looked at.
bool FilterNames::drop_stored(Names& rules, Names& tags, const TokenScope& scope) const {
  std::size_t examined = 0;
  bool is_complete = true;
  const Result<void> read =
      sources_.effects.reader().alerts_before(UINT64_MAX, [&](const runtime::StoredAlert& alert) {
        if (examined++ == sources_.rows_max) {
          is_complete = false;
          return false;
        }
        if (!is_alert_in(scope, alert.line)) return true;
        rules.erase(alert.rule);
        if (!tags.empty()) {
          for (const std::string_view tag : json_elements(json_member(alert.line, "tags")))
            tags.erase(json_characters(tag));
        }
        return !rules.empty() || !tags.empty();
      });
  return read && is_complete;  // what cannot be read is reported by the query itself
}

std::optional<FilterNames::Unknown> FilterNames::unknown(const AlertFilter& filter) const {
  if (sources_.has_others || (filter.rules.empty() && filter.tags.empty())) return std::nullopt;
  Names known_rules;
  Names known_tags = filter.scope.tags;
  if (const AlertConditions::PlanPtr plan = sources_.conditions.plan()) {
    for (const cep::Rule& rule : plan->rules) {
      if (!filter.scope.has_tag_of(rule.tags)) continue;
      known_rules.insert(rule.id);
      known_tags.insert(rule.tags.begin(), rule.tags.end());
    }
  }
  const auto drop_known = [&known_rules](Names& rules) {
    std::erase_if(rules, [&](const std::string& rule) { return known_rules.contains(rule); });
  };
  Names rules = filter.rules;
  drop_known(rules);
  std::erase_if(rules, [&](const std::string& rule) { return has_run(rule, filter.scope); });
  // Who is limited to tags is told of no others.
  if (!rules.empty() && filter.scope.tags.empty()) {
    for (std::string& id : sources_.rules()) known_rules.insert(std::move(id));
    drop_known(rules);
  }
  Names tags = filter.tags;
  std::erase_if(tags, [&](const std::string& tag) { return known_tags.contains(tag); });
  if (rules.empty() && tags.empty()) return std::nullopt;
  if (!drop_stored(rules, tags, filter.scope)) return std::nullopt;
  if (!rules.empty())
    return Unknown{"rule", unknown_text("rule with the id", *rules.begin(), known_rules)};
  if (!tags.empty()) {
    return Unknown{"tag", unknown_text("rule or alert with the tag", *tags.begin(), known_tags)};
  }
  return std::nullopt;
}
}  // namespace tocsin::api
