#include "api/backtest/report_html.h"

#include <fmt/format.h>

#include <string_view>

#include "api/backtest/report_text.h"
#include "api/backtest/svg_chart.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
namespace {
// More days than a chart has room for are left to the JSON.
constexpr std::int64_t kDaysMax = 400;

constexpr const char* kStyle = R"(
body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:1080px;padding:0 1em;color:#1c2733}
h1{font-size:1.5em}h2{font-size:1.2em;margin-top:2em;border-top:1px solid #d5dce3;padding-top:1em}
table{border-collapse:collapse;margin:.6em 0}th,td{padding:.25em .8em .25em 0;text-align:left}
th{border-bottom:2px solid #d5dce3;font-weight:600}td{border-bottom:1px solid #eceff2}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
svg{width:100%;max-width:720px;height:auto;display:block;margin:.4em 0}
svg rect{fill:#2c6fbb}svg text{font:11px sans-serif;fill:#5b6875}
details{margin:.3em 0}pre{white-space:pre-wrap;background:#f5f7f9;padding:.6em;margin:.3em 0}
.note{color:#5b6875}
@media(prefers-color-scheme:dark){body{background:#14191f;color:#dfe6ed}th,td,h2{border-color:#37424d}
pre{background:#1d252d}svg rect{fill:#6aa5e8}svg text,.note{fill:#9fb0c0;color:#9fb0c0}})";

// A cell, and whether it is a number.
struct Cell {
  std::string text;
  bool is_number = true;
};
Cell words(std::string_view text) { return {std::string(text), false}; }
Cell number(std::uint64_t count) { return {rules::format_count(count), true}; }

std::string row_html(std::string_view tag, const std::vector<Cell>& cells) {
  std::string html = "<tr>";
  for (const Cell& cell : cells) {
    html += fmt::format("<{0}{1}>{2}</{0}>", tag, cell.is_number ? R"( class="n")" : "",
                        escape_html(cell.text));
  }
  return html + "</tr>\n";
}

class HtmlTable {
 public:
  explicit HtmlTable(const std::vector<Cell>& head) : html_("<table>\n" + row_html("th", head)) {}
  void add(const std::vector<Cell>& row) { html_ += row_html("td", row); }
  std::string html() const { return html_ + "</table>\n"; }

 private:
  std::string html_;
};
Cell head(std::string_view text) { return {std::string(text), true}; }

std::string note(std::string_view text) {
  return fmt::format("<p class=\"note\">{}</p>\n", escape_html(text));
}

std::string rules_html(const SetFigures& set) {
  std::vector<Cell> heads = {words("rule"),     head("alerts"), head("keys"), head("held back"),
                             head("looked at"), head("time"),   head("state")};
  if (set.labels) heads.insert(heads.end(), {head("precision"), head("recall")});
  HtmlTable table(heads);
  for (const RuleFigures& rule : set.rules) {
    std::vector<Cell> row = {
        words(rule.id + " — " + rule.title),
        number(rule.alerts),
        number(rule.keys),
        number(rule.held_back),
        {library::once_in(rule.analysis.asked_share()), true},
        {share_text(rule.analysis.share), true},
        {rule.analysis.totals ? rules::format_bytes(rule.analysis.totals->bytes) : "-", true}};
    if (rule.labels) {
      row.push_back({share_text(rule.labels->precision()), true});
      row.push_back({share_text(rule.labels->recall()), true});
    }
    table.add(row);
  }
  return table.html();
}

std::string labels_html(const BacktestReport& report) {
  if (!report.fresh.labels) return "";
  HtmlTable table({words("found by"), head("alerts"), head("fraud"), head("ok"), head("no label"),
                   head("precision"), head("frauds found"), head("frauds"), head("recall")});
  const auto add = [&](std::string_view name, const LabelCounts& counts) {
    table.add({words(name),
               number(counts.fraud + counts.ok + counts.unlabelled),
               number(counts.fraud),
               number(counts.ok),
               number(counts.unlabelled),
               {share_text(counts.precision()), true},
               number(counts.found),
               number(counts.frauds),
               {share_text(counts.recall()), true}});
  };
  for (const RuleFigures& rule : report.fresh.rules) add(rule.id, *rule.labels);
  add("all rules", *report.fresh.labels);
  if (report.old) add("all rules of --against", *report.old->labels);
  std::string html = "<h2>Labels</h2>\n" + table.html();
  if (report.labels_outside != 0) {
    html += note(fmt::format("{} of another time than the events left out",
                             rules::format_count(report.labels_outside, "fraud")));
  }
  std::vector<Cell> heads = {words("scenario"), head("frauds"), head("found")};
  if (report.old) heads.push_back(head("by --against"));
  HtmlTable scenarios(heads);
  for (const ScenarioFigures& scenario : report.scenarios) {
    std::vector<Cell> row = {words(scenario.name.empty() ? "(none)" : scenario.name),
                             number(scenario.frauds), number(scenario.found)};
    if (scenario.found_by_old) row.push_back(number(*scenario.found_by_old));
    scenarios.add(row);
  }
  return html + scenarios.html();
}

std::string value_html(const BacktestReport& report) {
  if (report.value.empty()) return "";
  const bool has_labels = report.fresh.labels.has_value();
  const auto sum = [](const ValueSum& of) { return Cell{sum_text(of), true}; };
  std::vector<Cell> heads = {words("raised by"), head("alerts"), head("sum"), head("no number")};
  if (has_labels) heads.insert(heads.begin() + 3, head("caught"));
  HtmlTable table(heads);
  const auto add = [&](std::string_view name, const ValueTally& value) {
    std::vector<Cell> row = {words(name), number(value.all.alerts), sum(value.all),
                             number(value.all.without)};
    if (has_labels) row.insert(row.begin() + 3, sum(value.caught));
    table.add(row);
  };
  for (const RuleFigures& rule : report.fresh.rules) add(rule.id, *rule.sums);
  add("all rules", *report.fresh.sums);
  if (report.old) add("all rules of --against", *report.old->sums);
  std::string html =
      fmt::format("<h2>Sums of <code>{}</code></h2>\n", escape_html(report.value)) + table.html();
  if (report.changes.empty()) return html;
  HtmlTable changes(
      {words("rule"), head("now"), head("before"), head("same"), head("added"), head("gone")});
  for (const Change& change : report.changes) {
    const RuleFigures& now = report.fresh.rules[change.first];
    changes.add({words(now.id), sum(now.sums->all), sum(report.old->rules[change.second].sums->all),
                 sum(change.same_value), sum(change.added_value), sum(change.gone_value)});
  }
  html += changes.html();
  return html;
}

std::string comparison_html(const BacktestReport& report) {
  if (!report.old) return "";
  std::string html = fmt::format(
      "<h2>Against {}</h2>\n", escape_html(fmt::format("{}", fmt::join(report.old->files, ", "))));
  html += note(fmt::format("{} now, {} before", rules::format_count(report.fresh.alerts, "alert"),
                           rules::format_count(report.old->alerts)));
  HtmlTable changes(
      {words("rule"), head("now"), head("before"), head("same"), head("added"), head("gone")});
  for (const Change& change : report.changes) {
    const RuleFigures& now = report.fresh.rules[change.first];
    changes.add({words(now.id), number(now.alerts), number(report.old->rules[change.second].alerts),
                 number(change.same), number(change.added), number(change.gone)});
  }
  html += report.changes.empty() ? note("no rule has the same id in both") : changes.html();
  if (report.overlaps.empty()) return html;
  HtmlTable overlaps({words("rule"), words("rule of --against"), head("alerts"),
                      head("same key and day"), head("same last event")});
  for (const Overlap& overlap : report.overlaps) {
    const RuleFigures& now = report.fresh.rules[overlap.first];
    overlaps.add({words(now.id), words(report.old->rules[overlap.second].id), number(now.alerts),
                  number(overlap.same_day), number(overlap.same_event)});
  }
  return html + "<h3>Overlap</h3>\n" + overlaps.html();
}

// The variants of one bound, from `begin` on: a table and a chart of their alerts.
std::string bound_html(const VariationFigures& variation, std::size_t begin, std::size_t end) {
  const VariantFigures& first = variation.variants[begin];
  const bool has_labels = first.labels.has_value();
  std::string html = fmt::format(
      "<h3>{}: <code>{}</code>{} at {}</h3>\n", escape_html(first.rule), escape_html(first.written),
      first.written == first.value ? "" : " (" + escape_html(first.value) + ")",
      escape_html(first.place));
  std::vector<Cell> heads = {words("with"), head("alerts"), head("keys")};
  if (has_labels) heads.insert(heads.end(), {head("precision"), head("recall")});
  if (first.sums) heads.push_back(head(has_labels ? "caught" : "sum"));
  HtmlTable table(heads);
  std::vector<ChartBar> bars;
  for (std::size_t i = begin; i < end; ++i) {
    const VariantFigures& variant = variation.variants[i];
    const std::string bound =
        variant.is_as_written ? variant.instead + " as it is" : variant.instead;
    std::vector<Cell> row = {words(bound), number(variant.alerts), number(variant.keys)};
    if (has_labels) {
      row.push_back({share_text(variant.labels->precision()), true});
      row.push_back({share_text(variant.labels->recall()), true});
    }
    if (variant.sums) {
      row.push_back({sum_text(has_labels ? variant.sums->caught : variant.sums->all), true});
    }
    table.add(row);
    bars.push_back({bound, variant.alerts});
  }
  return html + table.html() + bar_chart("alerts by bound", bars);
}

std::string variation_html(const BacktestReport& report) {
  if (!report.variation) return "";
  const VariationFigures& variation = *report.variation;
  std::string html = "<h2>Neighbouring bounds</h2>\n";
  for (std::size_t begin = 0; begin < variation.variants.size();) {
    std::size_t end = begin + 1;
    while (end < variation.variants.size() &&
           variation.variants[end].place == variation.variants[begin].place) {
      ++end;
    }
    html += bound_html(variation, begin, end);
    begin = end;
  }
  if (variation.variants.empty()) html += note("no rule has a bound that can be varied");
  if (variation.left_out != 0) {
    html += note(fmt::format("{} left out: a larger --vary-max tries them",
                             rules::format_count(variation.left_out, "variant")));
  }
  for (const std::string& refused : variation.refused) html += note("no right rule: " + refused);
  for (const std::string& rule : variation.not_varied) {
    html += note(rule + " is not varied: it reads the alerts of every rule");
  }
  return html;
}

std::string days_html(const RuleFigures& rule) {
  const std::int64_t first = rule.by_day.begin()->first;
  const std::int64_t last = rule.by_day.rbegin()->first;
  if (last - first >= kDaysMax) {
    return note(fmt::format("alerts from {} to {}: --report-json has all days",
                            cep::format_date(first), cep::format_date(last)));
  }
  std::vector<ChartBar> bars;
  for (std::int64_t day = first; day <= last; ++day) {
    const auto found = rule.by_day.find(day);
    bars.push_back({cep::format_date(day), found == rule.by_day.end() ? 0 : found->second});
  }
  return "<h4>Alerts by day (UTC)</h4>\n" + bar_chart("alerts by day", bars);
}

std::string rule_html(const RuleFigures& rule) {
  std::string html =
      fmt::format("<h2>{} — {}</h2>\n", escape_html(rule.id), escape_html(rule.title));
  if (rule.alerts == 0) return html + note("no alert");
  html += note(fmt::format("{} on {}", rules::format_count(rule.alerts, "alert"),
                           rules::format_count(rule.keys, "key")));
  html += days_html(rule);
  std::vector<ChartBar> hours;
  for (std::size_t hour = 0; hour < rule.by_hour.size(); ++hour) {
    hours.push_back({fmt::format("{:02}", hour), rule.by_hour[hour]});
  }
  html += "<h4>Alerts by hour (UTC)</h4>\n" + bar_chart("alerts by hour", hours);
  for (const SampleAlert& sample : rule.samples) {
    std::string events;
    for (const std::string& event : sample.events) events += event + '\n';
    html += fmt::format(
        "<details><summary>{} {}</summary><p>{}</p><pre>{}</pre><pre>{}</pre></details>\n",
        escape_html(sample.time), escape_html(sample.key), escape_html(sample.message),
        escape_html(events), escape_html(sample.json));
  }
  return html;
}
}  // namespace

std::string backtest_html(const BacktestReport& report) {
  const std::string files = escape_html(fmt::format("{}", fmt::join(report.fresh.files, ", ")));
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width\">\n<title>Backtest of {0}</title>\n<style>{1}</style></head>\n"
      "<body>\n<h1>Backtest of {0}</h1>\n",
      files, kStyle);
  html += note(fmt::format("{} by {} over {}{}", rules::format_count(report.fresh.alerts, "alert"),
                           rules::format_count(report.fresh.rules.size(), "rule"),
                           rules::format_count(report.events, "event"),
                           report.events == 0
                               ? ""
                               : fmt::format(" from {} to {}", cep::format_time(report.first_event),
                                             cep::format_time(report.last_event))));
  if (report.rejected + report.late != 0) {
    html += note(fmt::format("{} rejected, {} late", rules::format_count(report.rejected, "line"),
                             rules::format_count(report.late, "event")));
  }
  html += rules_html(report.fresh) + labels_html(report) + comparison_html(report) +
          value_html(report) + variation_html(report);
  for (const RuleFigures& rule : report.fresh.rules) html += rule_html(rule);
  return html + "</body></html>";
}
}  // namespace tocsin::api
