#include "library/explain/find_rules.h"

#include <fmt/format.h>

#include <optional>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "rules/text/suggest.h"

namespace tocsin::library {
Result<std::vector<cep::RuleIndex>> find_rules(const cep::Plan& plan,
                                               const std::vector<std::string>& names) {
  std::vector<bool> chosen(plan.rules.size(), names.empty());
  std::vector<std::string> known;
  for (const cep::Rule& rule : plan.rules) known.push_back(rule.name);
  for (const std::string& name : names) {
    bool found = false;
    for (std::size_t i = 0; i < plan.rules.size(); ++i) {
      if (plan.rules[i].name != name && plan.rules[i].id != name) continue;
      chosen[i] = found = true;
    }
    if (found) continue;
    const std::optional<std::string> near = rules::nearest(name, known);
    return fail(Errc::kNotFound, fmt::format("there is no rule {} that runs{}", name,
                                             near ? fmt::format("; did you mean {}?", *near) : ""));
  }
  std::vector<cep::RuleIndex> out;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i]) out.emplace_back(i);
  }
  return out;
}
}  // namespace tocsin::library
