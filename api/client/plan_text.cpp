#include "api/client/plan_text.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

// What becomes of the state of the rules, or features, of a plan.
std::map<std::string, std::string> fates_of(const ordered_json& plan, const char* what) {
  std::map<std::string, std::string> fates;
  for (const char* const fate : {"kept", "started", "lost"}) {
    for (const ordered_json& one : plan.at(fate)) {
      if (!one.contains(what)) continue;
      // One that begins anew is among the lost too.
      fates.try_emplace(one.at(what), one.contains("suppression") ? "suppression" : fate);
    }
  }
  return fates;
}

std::string state_text(const std::string& fate) {
  if (fate == "kept") return "keeps its state";
  if (fate == "suppression") return "keeps its state, but what was suppressed begins anew";
  if (fate == "started") return "begins without state";
  if (fate == "lost") return "its state is lost";
  return "does not run";  // a draft
}

// "+ rule tiny: added", without the line's end.
std::string rule_line(const ordered_json& one) {
  const std::string change = one.at("change");
  const char sign = change == "added" ? '+' : (change == "removed" ? '-' : '~');
  return fmt::format("{} rule {}: {}", sign, one.at("rule").get<std::string>(), change);
}
std::string file_lines(const ordered_json& files) {
  std::string text;
  for (const ordered_json& file : files) {
    text += fmt::format("  file {}: {}\n", file.at("path").get<std::string>(),
                        file.at("change").get<std::string>());
  }
  return text;
}
}  // namespace

std::string difference_text(const ordered_json& difference) {
  std::string text;
  const ordered_json& stages = difference.at("stages");
  for (const ordered_json& one : difference.at("rules")) {
    text += rule_line(one);
    if (const auto stage = stages.find(one.at("rule").get<std::string>()); stage != stages.end()) {
      text += fmt::format(", from {} to {}", stage->at(0).get<std::string>(),
                          stage->at(1).get<std::string>());
    }
    text += "\n";
  }
  text += file_lines(difference.at("files"));
  return text;
}

std::string plan_text(const ordered_json& plan) {
  std::string text;
  std::map<std::string, std::string> rules = fates_of(plan, "rule");
  for (const ordered_json& one : plan.at("rules")) {
    const std::string rule = one.at("rule");
    text += fmt::format("{}, {}\n", rule_line(one), state_text(rules[rule]));
    rules.erase(rule);
  }
  for (const auto& [rule, fate] : rules) {
    if (fate == "kept") continue;
    text += fmt::format("~ rule {}: is as it was, but {}\n", rule, state_text(fate));
  }
  for (const auto& [feature, fate] : fates_of(plan, "feature")) {
    if (fate == "kept") continue;
    text += fmt::format("~ feature {}: {}\n", feature, state_text(fate));
  }
  return text + file_lines(plan.at("files"));
}
}  // namespace tocsin::api
