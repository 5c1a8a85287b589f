#include "rules/explain/explain.h"

#include <utility>

#include "cep/plan/rule.h"

namespace tocsin::rules {
namespace {
// What its author says of it.
std::vector<Passage> purpose_passages(const cep::Rule& rule) {
  std::vector<Passage> out;
  const auto add = [&](const std::string& heading, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    Passage said{heading};
    for (const std::string& text : texts) said.parts.push_back({text});
    out.push_back(std::move(said));
  };
  if (!rule.description.empty()) out.push_back({rule.description});
  if (!rule.owner.empty()) out.push_back({"Owner: " + rule.owner});
  add("Known false positives:", rule.false_positives);
  add("See also:", rule.references);
  return out;
}
}  // namespace

std::vector<ExplainedAspect> explain(const cep::Plan& plan, cep::RuleIndex index) {
  const cep::Rule& rule = plan.rules[index.value];
  const Words words(plan, &rule);
  std::vector<ExplainedAspect> all;
  const auto add = [&](std::string name, std::string heading, std::vector<Passage> passages,
                       bool numbered = false) {
    if (passages.empty()) return;
    all.push_back({std::move(name), std::move(heading), std::move(passages), numbered});
  };
  add("purpose", "What it is for", purpose_passages(rule));
  add("key", "Whom it looks at", key_passages(words));
  const bool ordered = !rule.window && rule.pattern.size() > 1;
  add("pattern", ordered ? "What has to happen, in this order" : "What has to happen",
      pattern_passages(words), ordered);
  add("limits", "What holds for all of it", limit_passages(words));
  add("kinds", "Kinds of events", kind_passages(words));
  add("features", "What it knows at an event", feature_passages(words));
  add("data", "Lists, tables and computed fields", data_passages(words));
  add("selection", "Which matches count", selection_passages(words));
  add("suppression", "How often it alerts", suppression_passages(words));
  add("alert", "The alert", alert_passages(words));
  add("late", "Late and repeated events", late_passages(words));
  add("missing", "Missing values", missing_passages(words));
  add("status", "Status", status_passages(words));
  return all;
}
}  // namespace tocsin::rules
