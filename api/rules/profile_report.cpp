#include "api/rules/profile_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "api/base/human_text.h"
#include "cep/base/assert.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "rules/explain/explain_words.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kPartsShown = 20;

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}
std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

// A rule or a feature, and what it took.
struct Part {
  std::string name;
  cep::EngineProfile::Part cost;
  bool is_rule = false;
  std::uint64_t alerts = 0;
  cep::RuleTotals totals = {};
};

std::vector<Part> parts_of(const cep::Plan& plan, const runtime::RunSummary& summary) {
  const runtime::RunProfile& profile = *summary.profile;
  std::vector<Part> parts;
  for (std::size_t i = 0; i < plan.rules.size(); ++i) {
    parts.push_back({"rule " + plan.rules[i].id, profile.engine.rules[i], true,
                     summary.alerts_by_rule[i], profile.totals[i]});
  }
  for (std::size_t i = 0; i < plan.features.size(); ++i) {
    const cep::Feature& feature = plan.features[i];
    parts.push_back({feature.name.starts_with('$') ? rules::feature_noun(plan, feature)
                                                   : "feature " + feature.name,
                     profile.engine.features[i]});
  }
  std::erase_if(parts, [](const Part& part) { return part.cost.asked == 0 && part.cost.ns == 0; });
  std::ranges::stable_sort(parts,
                           [](const Part& a, const Part& b) { return a.cost.ns > b.cost.ns; });
  return parts;
}

std::string stages_text(const runtime::RunSummary& summary) {
  const runtime::RunProfile& profile = *summary.profile;
  const auto all = static_cast<std::uint64_t>(summary.seconds * 1e9);
  const std::uint64_t inside = profile.engine.conditions_ns + profile.engine.matching_ns +
                               profile.engine.alerts_ns + profile.engine.upkeep_ns +
                               profile.output_ns;
  std::string text = fmt::format("\nprofile: {} in {}\n  {:<34}{:>8}{:>14}\n",
                                 format_count(summary.events, "event"),
                                 format_seconds(summary.seconds), "stage", "share", "ns an event");
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

std::string asked_text(std::uint64_t asked, std::uint64_t rows) {
  if (asked == 0) return "never";
  const double once_in = std::max(1.0, ratio(rows, asked));
  return once_in < 10 ? fmt::format("1 in {:.1f}", once_in)
                      : fmt::format("1 in {}", format_count(static_cast<std::uint64_t>(once_in)));
}

std::string line_of(const Part& part, std::uint64_t all_ns, std::uint64_t rows) {
  const std::string each =
      part.cost.asked == 0 ? "-" : fmt::format("{:.0f}", ratio(part.cost.ns, part.cost.asked));
  const auto of_rule = [&](const std::string& text) {
    return part.is_rule ? text : std::string("-");
  };
  return fmt::format("  {:>8}{:>12}{:>10}{:>10}{:>12}{:>10}  {}\n",
                     percent(ratio(part.cost.ns, all_ns)), asked_text(part.cost.asked, rows), each,
                     of_rule(format_count(part.alerts)), of_rule(format_count(part.totals.runs)),
                     of_rule(format_bytes(part.totals.bytes)), part.name);
}

// Of those that take much because many events come to them.
std::string advice(const std::vector<Part>& parts, std::uint64_t all_ns, std::uint64_t rows) {
  constexpr double kMuch = 0.15;
  constexpr double kOften = 0.1;
  std::string text;
  for (const Part& part : parts) {
    const double share = ratio(part.cost.ns, all_ns);
    if (share < kMuch || ratio(part.cost.asked, rows) < kOften) continue;
    text += fmt::format(
        "  {}: {} of matching. {} events meets its conditions on one event.\n"
        "    A further condition on the event's own fields, which few events meet, would cut "
        "that.\n",
        part.name, percent(share), asked_text(part.cost.asked, rows));
  }
  return text;
}
}  // namespace

std::string format_profile(const cep::Plan& plan, const runtime::RunSummary& summary) {
  TOCSIN_ASSERT(summary.profile.has_value(), "the run was profiled");
  const std::vector<Part> parts = parts_of(plan, summary);
  const std::uint64_t rows = summary.profile->engine.rows;
  std::uint64_t all_ns = 0;
  for (const Part& part : parts) all_ns += part.cost.ns;
  std::string text = stages_text(summary);
  text += fmt::format(
      "\nmatching, by rule and feature (an estimate from one slice of events in eight)\n"
      "  {:>8}{:>12}{:>10}{:>10}{:>12}{:>10}\n",
      "share", "asked at", "ns each", "alerts", "matches", "state");
  for (std::size_t i = 0; i < std::min(parts.size(), kPartsShown); ++i) {
    text += line_of(parts[i], all_ns, rows);
  }
  if (parts.size() > kPartsShown) {
    std::uint64_t rest = 0;
    for (std::size_t i = kPartsShown; i < parts.size(); ++i) rest += parts[i].cost.ns;
    text += fmt::format("  {:>8}  {} more\n", percent(ratio(rest, all_ns)),
                        format_count(parts.size() - kPartsShown));
  }
  const std::string what_to_do = advice(parts, all_ns, rows);
  if (!what_to_do.empty()) text += "\n" + what_to_do;
  return text;
}
}  // namespace tocsin::api
