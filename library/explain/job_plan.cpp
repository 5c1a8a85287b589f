#include "library/explain/job_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "cep/compile/program.h"
#include "cep/plan/event_type.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/stage/spread.h"
#include "cep/stage/spread_exchange.h"
#include "cep/value/identity.h"
#include "library/explain/explain_text.h"
#include "rules/text/human_text.h"

namespace tocsin::library {
namespace {
using Json = nlohmann::ordered_json;
using Kind = cep::SpreadStage::Kind;

std::string name_of(cep::SpreadStage stage) {
  switch (stage.kind) {
    case Kind::kFront:
      return "intake";
    case Kind::kPass:
      return fmt::format("pass {}", stage.pass);
    case Kind::kHold:
      return fmt::format("hold {}", stage.pass);
    case Kind::kAlerts:
      break;
  }
  return "alerts";
}

std::vector<std::string> names_of(const cep::Plan& plan,
                                  const std::vector<cep::FeatureIndex>& features) {
  std::vector<std::string> names;
  names.reserve(features.size());
  for (const cep::FeatureIndex feature : features) {
    names.push_back(plan.features[feature.value].name);
  }
  return names;
}

std::vector<std::string> names_of(const cep::Plan& plan, const std::vector<cep::RuleIndex>& rules) {
  std::vector<std::string> names;
  names.reserve(rules.size());
  for (const cep::RuleIndex rule : rules) names.push_back(plan.rules[rule.value].name);
  return names;
}

Json json_of(const cep::Plan& plan, const cep::SpreadExchange& exchange) {
  Json json{{"from", name_of(exchange.from)}, {"to", name_of(exchange.to)}};
  json["rows"] = Json::array();
  for (const cep::SpreadExchange::Rows& rows : exchange.rows) {
    json["rows"].push_back({{"type", plan.event_types[rows.type.value].name},
                            {"fields", rows.fields},
                            {"bytes", rows.row_bytes}});
  }
  json["values"] = names_of(plan, exchange.values);
  json["marks"] = names_of(plan, exchange.marks);
  json["matches"] = names_of(plan, exchange.matches);
  json["alerts"] = exchange.has_alerts;
  return json;
}

std::string listed(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

// Features that a rule has written in place have no name of their own.
std::string shown(const cep::Plan& plan, const std::vector<cep::FeatureIndex>& features) {
  std::vector<std::string> names = names_of(plan, features);
  const auto unnamed = static_cast<std::size_t>(
      std::erase_if(names, [](const std::string& name) { return name.starts_with('$'); }));
  if (unnamed > 0) names.push_back(rules::format_count(unnamed, "aggregate") + " inside rules");
  return listed(names);
}

// What an exchange carries, one piece a line.
std::vector<std::string> carried(const cep::Plan& plan, const cep::SpreadExchange& exchange) {
  std::vector<std::string> lines;
  for (const cep::SpreadExchange::Rows& rows : exchange.rows) {
    lines.push_back(fmt::format("`{}`: {}, about {} each", plan.event_types[rows.type.value].name,
                                rules::format_count(rows.fields, "field"),
                                rules::format_bytes(rows.row_bytes)));
  }
  if (!exchange.values.empty()) {
    lines.push_back("values of " + shown(plan, exchange.values));
  }
  if (!exchange.marks.empty()) {
    lines.push_back("where it alerted: " + listed(names_of(plan, exchange.marks)));
  }
  if (!exchange.matches.empty()) {
    lines.push_back("matches of " + listed(names_of(plan, exchange.matches)));
  }
  if (exchange.has_alerts) lines.emplace_back("alerts");
  return lines;
}

class Text {
 public:
  explicit Text(std::size_t columns) : columns_(columns) {}
  void heading(std::string_view text) { out_ += fmt::format("\n{}\n", text); }
  void line(std::string_view first, const std::string& text) {
    append_wrapped(out_, std::string(first), text, columns_);
  }
  std::string take() { return std::move(out_); }

 private:
  std::size_t columns_;
  std::string out_;
};

void append_graph(Text& text, const cep::SpreadPlan& spread) {
  std::string graph = "source ─▶ intake";
  for (std::size_t pass = 0; pass < spread.passes.size(); ++pass) {
    graph += fmt::format(" ─▶ pass {}", pass);
    if (spread.passes[pass].has_hold) graph += fmt::format(" ─▶ hold {}", pass);
  }
  text.line("", graph + " ─▶ alerts");
}

void append_passes(Text& text, const cep::Plan& plan, const cep::SpreadPlan& spread) {
  for (std::size_t i = 0; i < spread.passes.size(); ++i) {
    const cep::SpreadPlan::Pass& pass = spread.passes[i];
    text.heading(fmt::format("pass {}", i));
    text.line("  by: ", fmt::format("{}", fmt::join(pass.keys, "; ")));
    if (!pass.features.empty()) text.line("  features: ", shown(plan, pass.features));
    if (!pass.rules.empty()) text.line("  rules: ", listed(names_of(plan, pass.rules)));
    if (!pass.held.empty()) text.line("  held back by rule: ", listed(names_of(plan, pass.held)));
  }
}

void append_exchanges(Text& text, const cep::Program& program) {
  text.heading("what is sent");
  for (const cep::SpreadExchange& exchange : cep::spread_exchanges(program)) {
    text.line("  ", fmt::format("{} ─▶ {}", name_of(exchange.from), name_of(exchange.to)));
    for (const std::string& piece : carried(program.plan(), exchange)) text.line("    ", piece);
  }
}
}  // namespace

Result<cep::Program> spread_program(const cep::Program& program) {
  return cep::compile_by_pass(program.impl().plan);
}

std::string job_plan_json(const cep::Program& program) {
  const cep::Plan& plan = program.plan();
  Json json;
  json["obstacles"] = Json::array();
  for (const cep::SpreadObstacle& obstacle : cep::spread_obstacles(program)) {
    Json& of = json["obstacles"].emplace_back();
    of["rule"] = plan.rules[obstacle.rule.value].id;
    if (obstacle.feature) of["feature"] = plan.features[obstacle.feature->value].name;
    of["text"] = obstacle.text;
  }
  json["can_be_spread"] = json["obstacles"].empty();
  json["rules"] = cep::hex(program.impl().plan_digest);
  const cep::SpreadPlan spread = cep::spread_plan(program);
  json["one_part"] = spread.is_whole;
  json["passes"] = Json::array();
  for (const cep::SpreadPlan::Pass& pass : spread.passes) {
    json["passes"].push_back({{"keys", pass.keys},
                              {"hold", pass.has_hold},
                              {"features", names_of(plan, pass.features)},
                              {"rules", names_of(plan, pass.rules)}});
  }
  json["rules_without_key"] = Json::array();
  for (const cep::RuleIndex rule : spread.rules_without_key) {
    json["rules_without_key"].push_back(plan.rules[rule.value].id);
  }
  json["features_without_key"] = names_of(plan, spread.features_without_key);
  json["exchanges"] = Json::array();
  if (json["obstacles"].empty()) {
    for (const cep::SpreadExchange& exchange : cep::spread_exchanges(program)) {
      json["exchanges"].push_back(json_of(plan, exchange));
    }
  }
  return json.dump();
}

std::string job_plan_text(const cep::Program& program, std::size_t columns) {
  const cep::Plan& plan = program.plan();
  const cep::SpreadPlan spread = cep::spread_plan(program);
  const std::vector<cep::SpreadObstacle> obstacles = cep::spread_obstacles(program);
  Text text(columns);
  if (!obstacles.empty()) {
    text.line("", "The rules cannot be spread over several machines.");
    for (const cep::SpreadObstacle& obstacle : obstacles) {
      text.line("  - ", obstacle.text + '.');
    }
    text.line("", "If the job is allowed to, it runs them all in one part.");
    return text.take();
  }
  append_graph(text, spread);
  append_passes(text, plan, spread);
  append_exchanges(text, program);
  if (!spread.rules_without_key.empty() || !spread.features_without_key.empty()) {
    text.heading("in one part each, as they have no key");
    if (!spread.features_without_key.empty()) {
      text.line("  features: ", shown(plan, spread.features_without_key));
    }
    if (!spread.rules_without_key.empty()) {
      text.line("  rules: ", listed(names_of(plan, spread.rules_without_key)));
    }
  }
  return text.take();
}
}  // namespace tocsin::library
