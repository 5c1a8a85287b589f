#include "library/explain/rule_analysis.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cep/plan/pattern.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "rules/explain/explain_words.h"
#include "rules/text/human_text.h"

namespace tocsin::library {
namespace {
double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string step_name(const cep::Plan& plan, const cep::EngineProfile::StepFit& step) {
  const cep::Variable& variable = plan.rules[step.rule.value].variables[step.element->var().value];
  return variable.name.empty() ? rules::kind_noun(plan, step.element->events())
                               : "`" + variable.name + "`";
}
}  // namespace

const RuleAnalysis::Step* RuleAnalysis::widest_step() const {
  const auto widest = std::ranges::max_element(steps, {}, &Step::share);
  return widest == steps.end() ? nullptr : &*widest;
}

double RuleAnalysis::asked_share() const { return ratio(asked, events); }

bool RuleAnalysis::is_asked_much() const {
  constexpr double kMuch = 0.15;
  constexpr double kOften = 0.1;
  return share >= kMuch && asked_share() >= kOften;
}

std::vector<RuleAnalysis> analyse_rules(const cep::Plan& plan, const MeasuredRules& measured) {
  const cep::EngineProfile& profile = measured.profile;
  std::uint64_t all_ns = 0;
  for (const auto* parts : {&profile.rules, &profile.features}) {
    for (const cep::EngineProfile::Part& part : *parts) all_ns += part.ns;
  }
  std::vector<RuleAnalysis> all(profile.rules.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const cep::EngineProfile::Part& part = profile.rules[i];
    all[i].events = profile.rows;
    all[i].asked = part.asked;
    all[i].ns = part.ns;
    all[i].share = ratio(part.ns, all_ns);
    if (i < measured.alerts.size()) all[i].alerts = measured.alerts[i];
    if (i < measured.totals.size()) all[i].totals = measured.totals[i];
  }
  for (const cep::EngineProfile::StepFit& step : profile.steps) {
    if (profile.counted_rows == 0) break;
    all[step.rule.value].steps.push_back(
        {step_name(plan, step), ratio(step.rows, profile.counted_rows)});
  }
  return all;
}

std::string once_in(double share) {
  if (share <= 0) return "never";
  const double events = std::max(1.0, 1 / share);
  return events < 10
             ? fmt::format("1 in {:.1f}", events)
             : fmt::format("1 in {}", rules::format_count(static_cast<std::uint64_t>(events)));
}

rules::ExplainedAspect analysis_aspect(const RuleAnalysis& analysis) {
  rules::ExplainedAspect aspect{"analysis", "What it did with these events", {}};
  if (analysis.asked == 0) {
    aspect.passages.push_back({fmt::format("None of {} was for this rule.",
                                           rules::format_count(analysis.events, "event"))});
  } else {
    aspect.passages.push_back(
        {fmt::format("Of {}, it was asked at {}, and took {} ns each time: {:.1f} % of the time of "
                     "matching.",
                     rules::format_count(analysis.events, "event"), once_in(analysis.asked_share()),
                     rules::format_count(analysis.ns / analysis.asked), 100 * analysis.share)});
  }
  if (!analysis.steps.empty()) {
    rules::Passage steps{"The conditions on one event alone hold:"};
    for (const RuleAnalysis::Step& step : analysis.steps) {
      const std::string often =
          step.share > 0 ? "at " + once_in(step.share) + " events" : "at no event";
      steps.parts.push_back({fmt::format("of {}: {}", step.name, often)});
    }
    aspect.passages.push_back(std::move(steps));
  }
  if (analysis.alerts && analysis.totals) {
    const std::uint64_t matches = analysis.totals->runs;
    const std::string kept =
        matches == 0 ? "no partial match"
                     : fmt::format("{}, in {}", rules::format_count(matches, "partial match"),
                                   rules::format_bytes(analysis.totals->bytes));
    aspect.passages.push_back({fmt::format(
        "It raised {}. At the end it kept {}.",
        *analysis.alerts == 0 ? "no alert" : rules::format_count(*analysis.alerts, "alert"),
        kept)});
  }
  const RuleAnalysis::Step* const widest = analysis.widest_step();
  if (analysis.is_asked_much() && widest != nullptr) {
    aspect.passages.push_back(
        {fmt::format("A further condition of {} on the event's own fields, "
                     "which few events meet, would make it faster.",
                     widest->name)});
  }
  return aspect;
}

nlohmann::ordered_json analysis_json(const RuleAnalysis& analysis) {
  nlohmann::ordered_json out = {
      {"events", analysis.events}, {"asked", analysis.asked}, {"ns", analysis.ns}};
  out["share"] = analysis.share;
  out["steps"] = nlohmann::ordered_json::array();
  for (const RuleAnalysis::Step& step : analysis.steps) {
    out["steps"].push_back({{"name", step.name}, {"share", step.share}});
  }
  if (analysis.alerts) out["alerts"] = *analysis.alerts;
  if (analysis.totals) {
    out["partial_matches"] = analysis.totals->runs;
    out["keys"] = analysis.totals->keys;
    out["bytes"] = analysis.totals->bytes;
  }
  return out;
}
}  // namespace tocsin::library
