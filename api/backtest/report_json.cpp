#include "api/backtest/report_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/base/assert.h"
#include "cep/plan/severity.h"
#include "library/explain/rule_analysis.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

ordered_json share_json(const std::optional<double>& share) {
  return share ? ordered_json(*share) : ordered_json(nullptr);
}

ordered_json labels_json(const LabelCounts& counts) {
  ordered_json out = {{"alerts_fraud", counts.fraud},
                      {"alerts_ok", counts.ok},
                      {"alerts_unlabelled", counts.unlabelled},
                      {"frauds_found", counts.found},
                      {"frauds", counts.frauds},
                      {"precision", share_json(counts.precision())},
                      {"recall", share_json(counts.recall())}};
  if (counts.delays > 0) {
    out["delay"] = {{"frauds", counts.delays},
                    {"half_us", counts.delay_half.us},
                    {"most_us", counts.delay_most.us}};
  }
  return out;
}

// Sums are texts: as numbers they would be rounded by most who read them.
ordered_json sum_json(const ValueSum& sum) {
  return {{"sum", sum.text()}, {"alerts", sum.alerts}, {"without", sum.without}};
}

ordered_json sums_json(const ValueTally& value, bool has_labels) {
  ordered_json out = sum_json(value.all);
  if (has_labels) out["caught"] = sum_json(value.caught);
  return out;
}

ordered_json rule_json(const RuleFigures& rule) {
  ordered_json out = {
      {"rule", rule.id},       {"title", rule.title}, {"status", status_name(rule.status)},
      {"alerts", rule.alerts}, {"keys", rule.keys},   {"held_back", rule.held_back}};
  ordered_json days = ordered_json::object();
  for (const auto& [day, count] : rule.by_day) days[cep::format_date(day)] = count;
  out["by_day"] = std::move(days);
  out["by_hour"] = rule.by_hour;
  out["cost"] = library::analysis_json(rule.analysis);
  if (rule.labels) out["labels"] = labels_json(*rule.labels);
  if (rule.sums) out["sums"] = sums_json(*rule.sums, rule.labels.has_value());
  out["samples"] = nullptr;  // with_samples()
  return out;
}

ordered_json set_json(const SetFigures& set) {
  ordered_json out = {{"files", set.files},
                      {"alerts", set.alerts},
                      {"suppressed", set.suppressed},
                      {"budget_alerts", set.budget_alerts},
                      {"alerts_not_compared", set.alerts_not_compared}};
  if (set.labels) out["labels"] = labels_json(*set.labels);
  if (set.sums) out["sums"] = sums_json(*set.sums, set.labels.has_value());
  out["rules"] = ordered_json::array();
  for (const RuleFigures& rule : set.rules) out["rules"].push_back(rule_json(rule));
  return out;
}

ordered_json comparison_json(const BacktestReport& report) {
  ordered_json changes = ordered_json::array();
  for (const Change& change : report.changes) {
    changes.push_back({{"rule", report.fresh.rules[change.first].id},
                       {"same", change.same},
                       {"added", change.added},
                       {"gone", change.gone},
                       {"added_samples", nullptr},  // with_samples()
                       {"gone_samples", nullptr}});
    if (report.value.empty()) continue;
    changes.back()["sums"] = {{"same", sum_json(change.same_value)},
                              {"added", sum_json(change.added_value)},
                              {"gone", sum_json(change.gone_value)}};
  }
  ordered_json overlaps = ordered_json::array();
  for (const Overlap& overlap : report.overlaps) {
    overlaps.push_back({{"rule", report.fresh.rules[overlap.first].id},
                        {"against", report.old->rules[overlap.second].id},
                        {"same_key_and_day", overlap.same_day},
                        {"same_last_event", overlap.same_event}});
  }
  return {{"changes", std::move(changes)}, {"overlaps", std::move(overlaps)}};
}

ordered_json variation_json(const VariationFigures& variation) {
  ordered_json variants = ordered_json::array();
  for (const VariantFigures& variant : variation.variants) {
    ordered_json one = {{"rule", variant.rule},       {"place", variant.place},
                        {"written", variant.written}, {"value", variant.value},
                        {"instead", variant.instead}, {"is_as_written", variant.is_as_written},
                        {"alerts", variant.alerts},   {"keys", variant.keys}};
    if (variant.labels) one["labels"] = labels_json(*variant.labels);
    if (variant.sums) one["sums"] = sums_json(*variant.sums, variant.labels.has_value());
    variants.push_back(std::move(one));
  }
  return {{"variants", std::move(variants)},
          {"left_out", variation.left_out},
          {"refused", variation.refused},
          {"not_varied", variation.not_varied}};
}
// Alerts have decimals at full scale, which a parsed number would lose: their lines are put where
// `samples` is null. No text of the report has this: its quotes are escaped.
std::string with_samples(const std::string& json, const BacktestReport& report) {
  using Samples = std::vector<SampleAlert>;
  std::vector<std::pair<std::string_view, const Samples*>> places;  // in the order of the text
  for (const RuleFigures& rule : report.fresh.rules) places.emplace_back("samples", &rule.samples);
  if (report.old) {
    for (const RuleFigures& rule : report.old->rules) places.emplace_back("samples", &rule.samples);
  }
  for (const ChangedAlerts& changed : report.changed) {
    places.emplace_back("added_samples", &changed.added);
    places.emplace_back("gone_samples", &changed.gone);
  }
  std::string text;
  std::size_t from = 0;
  for (const auto& [name, samples] : places) {
    const std::string place = fmt::format(R"("{}": null)", name);
    const std::size_t at = json.find(place, from);
    TOCSIN_ASSERT(at != std::string::npos, "each list has one place");
    text += json.substr(from, at - from) + fmt::format(R"("{}": [)", name);
    for (const SampleAlert& sample : *samples) {
      text += (&sample == samples->data() ? "\n" : ",\n") + sample.json;
    }
    text += samples->empty() ? "]" : "\n]";
    from = at + place.size();
  }
  return text + json.substr(from);
}
}  // namespace

std::string backtest_json(const BacktestReport& report) {
  ordered_json out = {{"format", 1},
                      {"inputs", report.inputs},
                      {"events", report.events},
                      {"late", report.late},
                      {"rejected", report.rejected},
                      {"ignored", report.ignored},
                      {"seconds", report.seconds}};
  if (report.events != 0) {
    out["first_event"] = cep::format_time(report.first_event);
    out["last_event"] = cep::format_time(report.last_event);
  }
  if (!report.value.empty()) out["value"] = report.value;
  out["backtest"] = set_json(report.fresh);
  if (report.old) {
    out["against"] = set_json(*report.old);
    out["comparison"] = comparison_json(report);
  }
  if (!report.scenarios.empty()) {
    ordered_json scenarios = ordered_json::array();
    for (const ScenarioFigures& scenario : report.scenarios) {
      ordered_json one = {
          {"scenario", scenario.name}, {"frauds", scenario.frauds}, {"found", scenario.found}};
      if (scenario.found_by_old) one["found_by_against"] = *scenario.found_by_old;
      scenarios.push_back(std::move(one));
    }
    out["scenarios"] = std::move(scenarios);
    out["frauds_of_another_time"] = report.labels_outside;
  }
  if (report.variation) out["variation"] = variation_json(*report.variation);
  return with_samples(out.dump(2), report);
}
}  // namespace tocsin::api
