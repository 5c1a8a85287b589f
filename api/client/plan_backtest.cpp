#include "api/client/plan_backtest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "api/backtest/text_table.h"
#include "api/client/remote_backtest.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

// How often each rule of a part of the report alerted.
std::map<std::string, std::uint64_t> alerts_of(const ordered_json& report, const char* part) {
  std::map<std::string, std::uint64_t> alerts;
  if (!report.contains(part)) return alerts;
  for (const ordered_json& rule : report.at(part).at("rules")) {
    alerts[rule.at("rule")] = rule.at("alerts").get<std::uint64_t>();
  }
  return alerts;
}

ordered_json rules_of(const ordered_json& report, const ordered_json& plan) {
  const auto now = alerts_of(report, "backtest");
  const auto before = alerts_of(report, "against");
  std::map<std::string, const ordered_json*> changes;
  if (report.contains("comparison")) {
    for (const ordered_json& change : report.at("comparison").at("changes")) {
      changes[change.at("rule")] = &change;
    }
  }
  std::set<std::string> shown;
  for (const ordered_json& one : plan.at("rules")) shown.insert(one.at("rule").get<std::string>());
  for (const auto& [rule, change] : changes) {
    if (change->at("added") != 0 || change->at("gone") != 0) shown.insert(rule);
  }
  for (const auto& [rule, alerts] : now) {
    if (!before.contains(rule)) shown.insert(rule);
  }
  for (const auto& [rule, alerts] : before) {
    if (!now.contains(rule)) shown.insert(rule);
  }
  ordered_json rules = ordered_json::array();
  for (const std::string& rule : shown) {
    const auto number_in = [&](const std::map<std::string, std::uint64_t>& alerts) {
      const auto found = alerts.find(rule);
      return found == alerts.end() ? ordered_json() : ordered_json(found->second);
    };
    ordered_json one = {{"rule", rule}, {"alerts", number_in(now)}, {"before", number_in(before)}};
    const auto change = changes.find(rule);
    for (const char* const member : {"same", "added", "gone"}) {
      one[member] = change == changes.end() ? ordered_json() : change->second->at(member);
    }
    rules.push_back(std::move(one));
  }
  return rules;
}

Outcome<bool> has_active_rules(ServerClient& client) {
  const Outcome<ServerAnswer> answer = client.ask({.method = "GET", .path = "/v1/rules"});
  if (!answer) return tl::unexpected(answer.error());
  return std::ranges::any_of(answer->json.at("rules"),
                             [](const ordered_json& rule) { return rule.at("status") != "draft"; });
}
}  // namespace

std::optional<BacktestRange> parse_backtest_range(const std::string& text, cep::EventTime now) {
  if (text == "all") return BacktestRange{};
  const std::size_t dots = text.find("..");
  if (dots != std::string::npos) return BacktestRange{text.substr(0, dots), text.substr(dots + 2)};
  const std::optional<cep::Duration> back = cep::parse_duration(text);
  if (!back || back->us <= 0) return std::nullopt;
  return BacktestRange{cep::format_time({now.us - back->us}), ""};
}

Outcome<ordered_json> backtest_plan(ServerClient& client, const ordered_json& files,
                                    const ordered_json& plan, const BacktestRange& range,
                                    bool is_quiet) {
  const Outcome<bool> has_before = has_active_rules(client);
  if (!has_before) return tl::unexpected(has_before.error());
  ordered_json body = {{"files", files}, {"stages", "active"}, {"samples", 0}};
  if (*has_before) body["against"] = "live";
  if (!range.from.empty()) body["from"] = range.from;
  if (!range.to.empty()) body["to"] = range.to;
  RemoteBacktest backtest(client, is_quiet);
  if (Outcome<void> begun = backtest.start(std::move(body)); !begun) {
    return tl::unexpected(begun.error());
  }
  if (Outcome<void> ended = backtest.wait(); !ended) return tl::unexpected(ended.error());
  const Outcome<ServerAnswer> answer = backtest.report("json");
  if (!answer) return tl::unexpected(answer.error());
  const ordered_json& report = answer->json;
  const auto member = [&](const char* name) {
    return report.contains(name) ? report.at(name) : ordered_json();
  };
  return ordered_json{
      {"id", backtest.number()},
      {"events", report.at("events")},
      {"first_event", member("first_event")},
      {"last_event", member("last_event")},
      {"against", *has_before ? report.at("against").at("files").at(0) : ordered_json()},
      {"rules", rules_of(report, plan)}};
}

std::string plan_backtest_text(const ordered_json& backtest) {
  const auto events = backtest.at("events").get<std::uint64_t>();
  std::string text = fmt::format("backtest {} over {}", backtest.at("id").get<std::uint64_t>(),
                                 rules::format_count(events, "event"));
  if (events == 0) return text + ": the archive has none of this time\n";
  text += fmt::format(" from {} to {}", backtest.at("first_event").get<std::string>(),
                      backtest.at("last_event").get<std::string>());
  if (backtest.at("rules").empty()) return text + ": each rule raises the same alerts\n";
  TextTable table({"rule", "alerts", "before", "same", "added", "gone"});
  for (const ordered_json& rule : backtest.at("rules")) {
    const auto cell = [&](const char* name) {
      const ordered_json& number = rule.at(name);
      return number.is_null() ? std::string("-") : rules::format_count(number.get<std::uint64_t>());
    };
    table.add({rule.at("rule").get<std::string>(), cell("alerts"), cell("before"), cell("same"),
               cell("added"), cell("gone")});
  }
  return text + "\n" + table.text();
}
}  // namespace tocsin::api
