#include "library/testing/test_explainer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "cep/diagnose/near_miss.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "library/testing/near_miss_text.h"
#include "rules/explain/expression_text.h"
#include "rules/text/human_text.h"

namespace tocsin::library {
namespace {
constexpr std::size_t kExplainedMax = 3;  // alerts of one test

bool is_key_part(const cep::Rule& rule, const std::string& name) {
  const bool is_field =
      std::ranges::find(rule.fields, name, &cep::AlertField::name) != rule.fields.end();
  return !is_field &&
         std::ranges::find(rule.key.parts, name, &cep::KeyPart::name) != rule.key.parts.end();
}

// Whether an alert comes when, and for whom, it is expected; `wholly`: with all its fields.
bool fits(const cep::Plan& plan, const rules::EmbeddedTest& test,
          const rules::ExpectedAlert& expected, const cep::Alert& alert, bool wholly) {
  if (expected.at && test.starting + *expected.at != alert.ts) return false;
  const cep::Rule& rule = plan.rules[alert.rule.value];
  return std::ranges::all_of(expected.fields, [&](const auto& field) {
    return (!wholly && !is_key_part(rule, field.first)) ||
           agrees(field.second.view(), alert_value(plan, alert, field.first));
  });
}

// The source text of a condition on one line, its comments left out.
std::string on_one_line(std::string_view text) {
  std::string line;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      line += c;
      if (c == '\\' && i + 1 < text.size()) line += text[++i];
      in_string = c != '"';
      continue;
    }
    if (c == '#' && text.find('\n', i) != std::string_view::npos) {
      i = text.find('\n', i) - 1;
      continue;
    }
    const bool is_space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (is_space && (line.empty() || line.back() == ' ')) continue;
    line += is_space ? ' ' : c;
    in_string = c == '"';
  }
  return line;
}

class Explainer {
 public:
  Explainer(const rules::RuleSet& rules, const rules::SourceMap& sources,
            const rules::EmbeddedTest& test, cep::TextDatabaseCache* cache)
      : rules_(rules),
        sources_(sources),
        test_(test),
        index_(*rule_of(*rules.plan, test)),
        cache_(cache) {}

  // `accounted`: when alerts came that were expected.
  std::string missing(const rules::ExpectedAlert& expected,
                      const std::vector<cep::EventTime>& accounted) {
    cep::NearMissQuestion question;
    question.rule = index_;
    question.end = end_of(test_);
    if (expected.at) question.at = test_.starting + *expected.at;
    for (const cep::KeyPart& part : rule().key.parts) {
      std::optional<cep::OwnedValue>& wanted = question.key.emplace_back();
      for (const auto& [name, value] : expected.fields) {
        if (name == part.name && is_key_part(rule(), name)) wanted = value;
      }
    }
    question.accounted = accounted;
    const Result<cep::NearMiss> near = cep::find_near_miss(
        *rules_.plan, question,
        [&](std::shared_ptr<const cep::Plan> plan) { return replay(std::move(plan)); });
    if (!near) return near.error().message + '\n';
    const NearMissWords words{
        .plan = *rules_.plan,
        .rule = rule(),
        .end = end_of(test_),
        .at = question.at,
        .condition = [&](const cep::Expr& expr) { return condition(expr); },
        .offset = [&](cep::EventTime time) { return offset_text(test_, time - test_.starting); },
        .is_one_of_several =
            [&](const cep::SeenEvent& event) {
              return 1 < std::ranges::count_if(test_.events, [&](const rules::TestEvent& other) {
                       return other.type == event.type && test_.starting + other.offset == event.ts;
                     });
            }};
    return describe_near_miss(words, *near);
  }

  std::string surplus(const cep::Alert& alert) const {
    std::string text;
    for (std::size_t i = 0; i < alert.events.size();) {
      const cep::BoundEvent& first = alert.events[i];
      std::vector<std::string> moments;
      for (; i < alert.events.size() && alert.events[i].as == first.as &&
             alert.events[i].type == first.type;
           ++i) {
        moments.push_back(offset_text(test_, alert.events[i].ts - test_.starting));
      }
      text +=
          fmt::format("{}: {} at {}\n", first.as, rules_.plan->event_types[first.type.value].name,
                      fmt::join(moments, ", "));
    }
    return text;
  }

 private:
  const cep::Rule& rule() const { return rules_.plan->rules[index_.value]; }

  Result<std::vector<cep::Alert>> replay(std::shared_ptr<const cep::Plan> plan) {
    const Result<cep::Program> program = cep::compile(std::move(plan), {}, cache_);
    if (!program) return tl::unexpected(program.error());
    return replay_test(*program, test_);
  }

  std::string condition(const cep::Expr& expr) const {
    const auto written = rules_.written.find(&expr);
    if (written == rules_.written.end()) {
      return rules::expression_text(*rules_.plan, &rule(), expr);
    }
    const rules::SourceSpan& span = written->second.span;
    return on_one_line(sources_.text(span.file).substr(span.begin, span.end - span.begin));
  }

  const rules::RuleSet& rules_;
  const rules::SourceMap& sources_;
  const rules::EmbeddedTest& test_;
  cep::RuleIndex index_;
  cep::TextDatabaseCache* cache_;
};

void add_indented(std::string& out, const std::string& text) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin) + 1;
    out += "    " + text.substr(begin, end - begin);
    begin = end;
  }
}
}  // namespace

Unmatched match_up(const cep::Plan& plan, const rules::EmbeddedTest& test,
                   const std::vector<cep::Alert>& alerts) {
  std::vector<const rules::ExpectedAlert*> open;
  for (const rules::ExpectedAlert& expected : test.expected) {
    open.insert(open.end(), std::min<std::size_t>(expected.times, alerts.size() + 1), &expected);
  }
  std::vector<const cep::Alert*> left;
  for (const cep::Alert& alert : alerts) left.push_back(&alert);
  for (const bool wholly : {true, false}) {
    std::erase_if(open, [&](const rules::ExpectedAlert* expected) {
      const auto found = std::ranges::find_if(left, [&](const cep::Alert* alert) {
        return fits(plan, test, *expected, *alert, wholly);
      });
      if (found == left.end()) return false;
      left.erase(found);
      return true;
    });
  }
  return {std::move(open), std::move(left)};
}

std::string explain_failure(const rules::RuleSet& rules, const rules::SourceMap& sources,
                            const rules::EmbeddedTest& test, const TestOutcome& outcome,
                            cep::TextDatabaseCache* cache) {
  Unmatched unmatched = match_up(*rules.plan, test, outcome.alerts);
  // What is missing several times is explained once.
  unmatched.missing.erase(std::unique(unmatched.missing.begin(), unmatched.missing.end()),
                          unmatched.missing.end());
  std::vector<cep::EventTime> accounted;
  for (const cep::Alert& alert : outcome.alerts) {
    if (std::ranges::find(unmatched.surplus, &alert) == unmatched.surplus.end()) {
      accounted.push_back(alert.ts);
    }
  }
  std::string text;
  Explainer explainer(rules, sources, test, cache);
  std::size_t explained = 0;
  for (const rules::ExpectedAlert* expected : unmatched.missing) {
    if (explained++ == kExplainedMax) break;
    text += expected->at
                ? fmt::format("  why no alert came at {}\n", offset_text(test, *expected->at))
                : "  why no alert came\n";
    add_indented(text, explainer.missing(*expected, accounted));
  }
  for (const cep::Alert* alert : unmatched.surplus) {
    if (explained++ >= kExplainedMax) break;
    text += fmt::format("  what the alert at {} came from\n",
                        offset_text(test, alert->ts - test.starting));
    add_indented(text, explainer.surplus(*alert));
  }
  const std::size_t all = unmatched.missing.size() + unmatched.surplus.size();
  if (all > kExplainedMax) {
    text += fmt::format("  {} are not explained\n",
                        rules::format_count(all - kExplainedMax, "more alert"));
  }
  return text;
}
}  // namespace tocsin::library
