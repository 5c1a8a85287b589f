#include "api/backtest/report_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "api/backtest/text_table.h"
#include "library/explain/rule_analysis.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kRulesInDetail = 10;
constexpr std::size_t kDaysShown = 31;
constexpr std::size_t kOverlapsShown = 20;
constexpr std::size_t kBarWidth = 40;

std::string plural(std::size_t count, std::string_view word) {
  return rules::format_count(count, word);
}

std::string rule_name(const RuleFigures& rule) {
  switch (rule.status) {
    case cep::Status::kInternal:
      return rule.id + " (internal)";
    case cep::Status::kShadow:
      return rule.id + " (shadow)";
    default:
      return rule.id;
  }
}

std::string state_of(const library::RuleAnalysis& analysis) {
  return analysis.totals ? rules::format_bytes(analysis.totals->bytes) : "-";
}

std::string rules_text(const SetFigures& set) {
  TextTable table({"rule", "alerts", "keys", "held back", "looked at", "time", "state"});
  for (const RuleFigures& rule : set.rules) {
    table.add({rule_name(rule), rules::format_count(rule.alerts), rules::format_count(rule.keys),
               rules::format_count(rule.held_back), library::once_in(rule.analysis.asked_share()),
               share_text(rule.analysis.share), state_of(rule.analysis)});
  }
  return table.text();
}

std::string labels_text(const BacktestReport& report) {
  if (!report.fresh.labels) return "";
  TextTable table(
      {"found by", "alerts", "fraud", "ok", "no label", "precision", "frauds found", "recall"});
  const auto add = [&](const std::string& name, const LabelCounts& counts) {
    table.add({name, rules::format_count(counts.fraud + counts.ok + counts.unlabelled),
               rules::format_count(counts.fraud), rules::format_count(counts.ok),
               rules::format_count(counts.unlabelled), share_text(counts.precision()),
               fmt::format("{} of {}", rules::format_count(counts.found),
                           rules::format_count(counts.frauds)),
               share_text(counts.recall())});
  };
  for (const RuleFigures& rule : report.fresh.rules) add(rule.id, *rule.labels);
  add("all rules", *report.fresh.labels);
  if (report.old) add("all rules of --against", *report.old->labels);
  std::string text = "\nlabels\n" + table.text();
  if (report.labels_outside != 0) {
    text += fmt::format("  {} of another time than the events left out\n",
                        plural(report.labels_outside, "fraud"));
  }
  const bool has_scenarios =
      report.scenarios.size() > 1 ||
      (report.scenarios.size() == 1 && !report.scenarios.front().name.empty());
  if (!has_scenarios) return text;
  std::vector<std::string> head = {"scenario", "frauds", "found"};
  if (report.old) head.emplace_back("by --against");
  TextTable scenarios(std::move(head));
  for (const ScenarioFigures& scenario : report.scenarios) {
    std::vector<std::string> row = {scenario.name.empty() ? "(none)" : scenario.name,
                                    rules::format_count(scenario.frauds),
                                    rules::format_count(scenario.found)};
    if (scenario.found_by_old) row.push_back(rules::format_count(*scenario.found_by_old));
    scenarios.add(std::move(row));
  }
  return text + "\n" + scenarios.text();
}

std::string value_text(const BacktestReport& report) {
  if (report.value.empty()) return "";
  const bool has_labels = report.fresh.labels.has_value();
  std::vector<std::string> head = {"raised by", "alerts", "sum", "no number"};
  if (has_labels) head.insert(head.begin() + 3, "caught");
  TextTable table(std::move(head));
  const auto add = [&](const std::string& name, const ValueTally& value) {
    std::vector<std::string> row = {name, rules::format_count(value.all.alerts),
                                    sum_text(value.all), rules::format_count(value.all.without)};
    if (has_labels) row.insert(row.begin() + 3, sum_text(value.caught));
    table.add(std::move(row));
  };
  for (const RuleFigures& rule : report.fresh.rules) add(rule.id, *rule.sums);
  add("all rules", *report.fresh.sums);
  if (report.old) add("all rules of --against", *report.old->sums);
  std::string text = fmt::format("\nsums of {}\n{}", report.value, table.text());
  if (report.changes.empty()) return text;
  TextTable changes({"rule", "now", "before", "same", "added", "gone"});
  for (const Change& change : report.changes) {
    const RuleFigures& now = report.fresh.rules[change.first];
    changes.add({now.id, sum_text(now.sums->all),
                 sum_text(report.old->rules[change.second].sums->all), sum_text(change.same_value),
                 sum_text(change.added_value), sum_text(change.gone_value)});
  }
  return text + "\n" + changes.text();
}

std::string changes_text(const BacktestReport& report) {
  if (!report.old) return "";
  std::string text = fmt::format(
      "\nagainst {}: {} now, {} before\n", fmt::format("{}", fmt::join(report.old->files, ", ")),
      plural(report.fresh.alerts, "alert"), rules::format_count(report.old->alerts));
  if (report.changes.empty()) {
    text += "  no rule has the same id in both\n";
  } else {
    TextTable table({"rule", "now", "before", "same", "added", "gone"});
    for (const Change& change : report.changes) {
      const RuleFigures& now = report.fresh.rules[change.first];
      table.add({now.id, rules::format_count(now.alerts),
                 rules::format_count(report.old->rules[change.second].alerts),
                 rules::format_count(change.same), rules::format_count(change.added),
                 rules::format_count(change.gone)});
    }
    text += table.text();
  }
  if (report.overlaps.empty()) return text;
  std::vector<Overlap> overlaps = report.overlaps;
  std::ranges::stable_sort(overlaps, std::ranges::greater(), &Overlap::same_day);
  TextTable table({"rule", "rule of --against", "alerts", "same key and day", "same last event"});
  for (std::size_t i = 0; i < std::min(overlaps.size(), kOverlapsShown); ++i) {
    const RuleFigures& now = report.fresh.rules[overlaps[i].first];
    table.add({now.id, report.old->rules[overlaps[i].second].id, rules::format_count(now.alerts),
               rules::format_count(overlaps[i].same_day),
               rules::format_count(overlaps[i].same_event)});
  }
  text += "\noverlap\n" + table.text();
  if (overlaps.size() > kOverlapsShown) {
    text += fmt::format("  {} more: --report-json has all\n",
                        plural(overlaps.size() - kOverlapsShown, "pair"));
  }
  return text;
}

std::string not_compared_text(const BacktestReport& report) {
  const std::uint64_t count =
      report.fresh.alerts_not_compared + (report.old ? report.old->alerts_not_compared : 0);
  if (count == 0) return "";
  return fmt::format(
      "  limits: {} counted, but not compared, and their keys not counted: a larger --compare-max "
      "takes them in\n",
      plural(count, "alert"));
}

std::string variation_text(const BacktestReport& report) {
  if (!report.variation) return "";
  const VariationFigures& variation = *report.variation;
  std::string text = "\nneighbouring bounds\n";
  const bool has_labels = report.fresh.labels.has_value();
  std::vector<std::string> head = {"rule", "place", "bound", "with", "alerts", "keys"};
  if (has_labels) head.insert(head.end(), {"precision", "recall"});
  if (!report.value.empty()) head.push_back(has_labels ? "caught" : "sum");
  TextTable table(std::move(head));
  const VariantFigures* last = nullptr;
  for (const VariantFigures& variant : variation.variants) {
    const bool repeats = last != nullptr && last->place == variant.place;
    std::vector<std::string> row = {
        repeats ? "" : variant.rule,
        repeats ? "" : variant.place,
        repeats ? "" : variant.written,
        variant.is_as_written ? variant.instead + " as it is" : variant.instead,
        rules::format_count(variant.alerts),
        rules::format_count(variant.keys)};
    if (has_labels) {
      row.push_back(share_text(variant.labels->precision()));
      row.push_back(share_text(variant.labels->recall()));
    }
    if (variant.sums) {
      row.push_back(sum_text(has_labels ? variant.sums->caught : variant.sums->all));
    }
    table.add(std::move(row));
    last = &variant;
  }
  text += variation.variants.empty() ? "  no rule has a bound that can be varied\n" : table.text();
  if (variation.left_out != 0) {
    text += fmt::format("  limits: {} left out: a larger --vary-max tries them\n",
                        plural(variation.left_out, "variant"));
  }
  for (const std::string& refused : variation.refused) {
    text += fmt::format("  no right rule: {}\n", refused);
  }
  for (const std::string& rule : variation.not_varied) {
    text += fmt::format("  {} is not varied: it reads the alerts of every rule\n", rule);
  }
  return text;
}

std::string bar(std::uint64_t count, std::uint64_t most) {
  if (count == 0) return "";
  const double share = static_cast<double>(count) / static_cast<double>(most);
  const auto width = static_cast<std::size_t>(share * static_cast<double>(kBarWidth));
  return std::string(std::max<std::size_t>(1, width), '#');
}

std::string days_text(const RuleFigures& rule) {
  std::uint64_t most = 0;
  for (const auto& [day, count] : rule.by_day) most = std::max(most, count);
  std::string text = "  alerts by day\n";
  std::size_t shown = 0;
  for (const auto& [day, count] : rule.by_day) {
    if (shown++ == kDaysShown) {
      text += fmt::format("    {} more: --report-json has all\n",
                          plural(rule.by_day.size() - kDaysShown, "day"));
      break;
    }
    text += fmt::format("    {}  {:>9}  {}\n", cep::format_date(day), rules::format_count(count),
                        bar(count, most));
  }
  text += "  alerts by hour (UTC)\n";
  const std::uint64_t most_of_hour = *std::ranges::max_element(rule.by_hour);
  for (std::size_t hour = 0; hour < rule.by_hour.size(); ++hour) {
    if (rule.by_hour[hour] == 0) continue;
    text +=
        fmt::format("    {:02}          {:>9}  {}\n", hour, rules::format_count(rule.by_hour[hour]),
                    bar(rule.by_hour[hour], most_of_hour));
  }
  return text;
}

std::string samples_text(const RuleFigures& rule) {
  if (rule.samples.empty()) return "";
  std::string text = "  the first alerts\n";
  for (const SampleAlert& sample : rule.samples) {
    text += fmt::format("    {}  {}\n", sample.time, sample.key);
    if (!sample.message.empty()) text += fmt::format("      {}\n", sample.message);
    for (const std::string& event : sample.events) text += fmt::format("      {}\n", event);
    if (sample.events_omitted != 0) {
      text += fmt::format("      {} more\n", plural(sample.events_omitted, "event"));
    }
  }
  return text;
}

std::string details_text(const SetFigures& set) {
  std::vector<const RuleFigures*> rules;
  for (const RuleFigures& rule : set.rules) {
    if (rule.alerts != 0) rules.push_back(&rule);
  }
  std::ranges::stable_sort(rules, std::ranges::greater(), &RuleFigures::alerts);
  const std::size_t left = rules.size() - std::min(rules.size(), kRulesInDetail);
  rules.resize(rules.size() - left);
  std::string text;
  for (const RuleFigures* rule : rules) {
    text += fmt::format("\n{} \"{}\": {} on {}\n", rule->id, rule->title,
                        plural(rule->alerts, "alert"), plural(rule->keys, "key"));
    text += days_text(*rule) + samples_text(*rule);
  }
  if (left != 0) {
    text += fmt::format("\n{} more with alerts: --report-json and --html have all\n",
                        plural(left, "rule"));
  }
  return text;
}
}  // namespace

std::string sum_text(const ValueSum& sum) {
  std::string text = sum.text();
  const std::size_t begin = text.starts_with('-') ? 1 : 0;
  std::size_t at = std::min(text.find('.'), text.size());
  for (; at > begin + 3; text.insert(at, 1, ',')) at -= 3;
  return text;
}

std::string share_text(const std::optional<double>& share) {
  return share ? fmt::format("{:.1f} %", 100 * *share) : "-";
}

std::string backtest_text(const BacktestReport& report) {
  std::string text = fmt::format(
      "backtest of {}: {} by {} over {}\n", fmt::format("{}", fmt::join(report.fresh.files, ", ")),
      plural(report.fresh.alerts, "alert"), plural(report.fresh.rules.size(), "rule"),
      plural(report.events, "event"));
  if (report.fresh.suppressed != 0) {
    text += fmt::format("  suppressed: {} (`once`, `at most`)\n",
                        plural(report.fresh.suppressed, "repeat"));
  }
  text += not_compared_text(report);
  text += "\n" + rules_text(report.fresh);
  text += labels_text(report);
  text += changes_text(report);
  text += value_text(report);
  text += variation_text(report);
  text += details_text(report.fresh);
  return text;
}
}  // namespace tocsin::api
