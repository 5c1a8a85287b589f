#include "library/testing/silent_rule.h"

#include "cep/diagnose/near_miss.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "library/testing/near_miss_text.h"
#include "rules/explain/expression_text.h"

namespace tocsin::library {
Result<std::string> explain_silence(const cep::Plan& plan, cep::RuleIndex rule,
                                    const cep::Replay& replay) {
  cep::NearMissQuestion question;
  question.rule = rule;
  const cep::Rule& of = plan.rules[rule.value];
  question.key.resize(of.key.parts.size());
  const Result<cep::NearMiss> near = cep::find_near_miss(plan, question, replay);
  if (!near) return tl::unexpected(near.error());
  const NearMissWords words{
      .plan = plan,
      .rule = of,
      .end = question.end,
      .at = {},
      .condition = [&](const cep::Expr& expr) { return rules::expression_text(plan, &of, expr); },
      .offset = [](cep::EventTime time) { return cep::format_time(time); },
      .is_one_of_several = [](const cep::SeenEvent&) { return true; }};
  return describe_near_miss(words, *near);
}
}  // namespace tocsin::library
