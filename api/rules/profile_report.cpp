#include "api/rules/profile_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cep/base/assert.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "library/explain/rule_analysis.h"
#include "rules/explain/explain_words.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

constexpr std::size_t kPartsShown = 20;

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}
std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

// A rule or a feature, and what it took.
struct Part {
  bool is_rule = false;
  std::size_t index = 0;  // in the plan
  cep::EngineProfile::Part cost;
};

// The dearest first; without those that had nothing to do.
std::vector<Part> parts_of(const cep::EngineProfile& profile) {
  std::vector<Part> parts;
  const auto add = [&](bool is_rule, const std::vector<cep::EngineProfile::Part>& costs) {
    for (std::size_t i = 0; i < costs.size(); ++i) {
      if (costs[i].asked != 0 || costs[i].ns != 0) parts.push_back({is_rule, i, costs[i]});
    }
  };
  add(true, profile.rules);
  add(false, profile.features);
  std::ranges::stable_sort(parts,
                           [](const Part& a, const Part& b) { return a.cost.ns > b.cost.ns; });
  return parts;
}

std::string name_of(const cep::Plan& plan, const Part& part) {
  if (part.is_rule) return "rule " + plan.rules[part.index].id;
  const cep::Feature& feature = plan.features[part.index];
  return feature.name.starts_with('$') ? rules::feature_noun(plan, feature)
                                       : "feature " + feature.name;
}

std::string stages_text(const runtime::RunSummary& summary) {
  const runtime::RunProfile& profile = *summary.profile;
  const auto all = static_cast<std::uint64_t>(summary.seconds * 1e9);
  const std::uint64_t inside = profile.engine.conditions_ns + profile.engine.matching_ns +
                               profile.engine.alerts_ns + profile.engine.upkeep_ns +
                               profile.output_ns;
  std::string text = fmt::format(
      "\nprofile: {} in {}\n  {:<34}{:>8}{:>14}\n", rules::format_count(summary.events, "event"),
      rules::format_seconds(summary.seconds), "stage", "share", "ns an event");
  for (const auto& [name, ns] :
       {std::pair{"reading, decoding, order of events", all - std::min(all, inside)},
        std::pair{"conditions and keys", profile.engine.conditions_ns},
        std::pair{"matching", profile.engine.matching_ns},
        std::pair{"alerts: order and ids", profile.engine.alerts_ns},
        std::pair{"upkeep of state", profile.engine.upkeep_ns},
        std::pair{"alerts: writing", profile.output_ns}}) {
    text += fmt::format("  {:<34}{:>8}{:>14.0f}\n", name, percent(ratio(ns, all)),
                        ratio(ns, summary.events));
  }
  return text;
}

std::string line_of(const cep::Plan& plan, const runtime::RunSummary& summary, const Part& part,
                    std::uint64_t all_ns) {
  const runtime::RunProfile& profile = *summary.profile;
  std::string alerts = "-";
  std::string matches = "-";
  std::string state = "-";
  if (part.is_rule) {
    alerts = rules::format_count(summary.alerts_by_rule[part.index]);
    matches = rules::format_count(profile.totals[part.index].runs);
    state = rules::format_bytes(profile.totals[part.index].bytes);
  }
  const std::string each =
      part.cost.asked == 0 ? "-" : fmt::format("{:.0f}", ratio(part.cost.ns, part.cost.asked));
  return fmt::format("  {:>8}{:>12}{:>10}{:>10}{:>12}{:>10}  {}\n",
                     percent(ratio(part.cost.ns, all_ns)),
                     library::once_in(ratio(part.cost.asked, profile.engine.rows)), each, alerts,
                     matches, state, name_of(plan, part));
}

// Of rules that take much because many events come to them.
std::string advice(const cep::Plan& plan, const std::vector<Part>& parts,
                   const std::vector<library::RuleAnalysis>& analyses) {
  std::string text;
  for (const Part& part : parts) {
    if (!part.is_rule || !analyses[part.index].is_asked_much()) continue;
    const library::RuleAnalysis& rule = analyses[part.index];
    text += fmt::format("  {}: {} of matching.", name_of(plan, part), percent(rule.share));
    if (const library::RuleAnalysis::Step* const widest = rule.widest_step()) {
      text += fmt::format(
          " {} events meets the conditions of {} on one event.\n"
          "    A further one there, on the event's own fields, which few events "
          "meet, would cut that.",
          library::once_in(widest->share), widest->name);
    }
    text += '\n';
  }
  return text;
}

ordered_json features_json(const cep::Plan& plan, const std::vector<Part>& parts,
                           std::uint64_t all_ns, std::size_t most) {
  ordered_json all = ordered_json::array();
  for (const Part& part : parts) {
    if (part.is_rule || all.size() == most) continue;
    const cep::Feature& feature = plan.features[part.index];
    all.push_back({{"feature", feature.name.starts_with('$') ? ordered_json(nullptr)
                                                             : ordered_json(feature.name)},
                   {"text", rules::feature_noun(plan, feature)},
                   {"asked", part.cost.asked},
                   {"ns", part.cost.ns},
                   {"share", ratio(part.cost.ns, all_ns)}});
  }
  return all;
}
}  // namespace

std::string profile_json(const cep::Plan& plan, const library::MeasuredRules& measured,
                         double seconds, std::size_t most) {
  const cep::EngineProfile& profile = measured.profile;
  const std::vector<Part> parts = parts_of(profile);
  std::uint64_t all_ns = 0;
  for (const Part& part : parts) all_ns += part.cost.ns;
  const std::vector<library::RuleAnalysis> analyses = library::analyse_rules(plan, measured);
  ordered_json rules = ordered_json::array();
  for (const Part& part : parts) {
    if (!part.is_rule || rules.size() == most) continue;
    const cep::Rule& rule = plan.rules[part.index];
    ordered_json one = {{"rule", rule.name}, {"id", rule.id}};
    one.update(library::analysis_json(analyses[part.index]));
    rules.push_back(std::move(one));
  }
  const ordered_json out = {{"seconds", seconds},
                            {"events", profile.rows},
                            {"stages",
                             {{"conditions_ns", profile.conditions_ns},
                              {"matching_ns", profile.matching_ns},
                              {"alerts_ns", profile.alerts_ns},
                              {"upkeep_ns", profile.upkeep_ns}}},
                            {"rules", std::move(rules)},
                            {"features", features_json(plan, parts, all_ns, most)}};
  return out.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string format_profile(const cep::Plan& plan, const runtime::RunSummary& summary) {
  TOCSIN_ASSERT(summary.profile.has_value(), "the run was profiled");
  const std::vector<Part> parts = parts_of(summary.profile->engine);
  std::uint64_t all_ns = 0;
  for (const Part& part : parts) all_ns += part.cost.ns;
  std::string text = stages_text(summary);
  text += fmt::format(
      "\nmatching, by rule and feature (an estimate from one slice of events in eight)\n"
      "  {:>8}{:>12}{:>10}{:>10}{:>12}{:>10}\n",
      "share", "asked at", "ns each", "alerts", "matches", "state");
  for (std::size_t i = 0; i < std::min(parts.size(), kPartsShown); ++i) {
    text += line_of(plan, summary, parts[i], all_ns);
  }
  if (parts.size() > kPartsShown) {
    std::uint64_t rest = 0;
    for (std::size_t i = kPartsShown; i < parts.size(); ++i) rest += parts[i].cost.ns;
    text += fmt::format("  {:>8}  {} more\n", percent(ratio(rest, all_ns)),
                        rules::format_count(parts.size() - kPartsShown));
  }
  const std::string what_to_do =
      advice(plan, parts,
             library::analyse_rules(
                 plan, {summary.profile->engine, summary.alerts_by_rule, summary.profile->totals}));
  if (!what_to_do.empty()) text += "\n" + what_to_do;
  return text;
}
}  // namespace tocsin::api
