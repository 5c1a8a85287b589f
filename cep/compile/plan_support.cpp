#include "cep/compile/plan_support.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "cep/compile/compiler.h"
#include "cep/compile/make_pattern.h"
#include "cep/compile/program.h"
#include "cep/data/text_database.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
// What the engine's words and tables have room for.
class SizeChecker {
 public:
  explicit SizeChecker(const Limits& limits) : limits_(limits) {}

  std::vector<std::string> run(const Rule& rule) {
    for (const Element& element : rule.pattern) check_element(element);
    if (rule.pattern.size() > 1023) {
      refuse(fmt::format("a pattern of {} steps", rule.pattern.size()));
    }
    if (problems_.empty()) check_pattern(rule);
    return std::move(problems_);
  }

 private:
  void refuse(std::string what) { problems_.push_back(std::move(what)); }

  void check_element(const Element& element) {
    const Quantifier& quantifier = element.quantifier();
    if (quantifier.min >= kUnbounded || quantifier.max.value_or(0) >= kUnbounded) {
      refuse(fmt::format("a count of {} or more in a step", kUnbounded));
    }
    if (element.kind() == ElementKind::kAllOf && element.children().size() > kAllOfMax) {
      refuse(fmt::format("`all of` {} steps; at most {}", element.children().size(), kAllOfMax));
    }
    if (element.events().size() >= kKindsMax) refuse("a step of that many kinds");
    for (const Element& child : element.children()) check_element(child);
  }

  // The variables whose events the rule reads.
  static std::size_t variables_read(const Rule& rule) {
    std::set<VarIndex> read = {rule.suppression.var(), rule.selection.var};
    for (const Expr* expr : all_exprs(rule)) {
      for_each_expr(*expr, [&](const Expr& e) {
        if (const VarIndex* var = variable_of(e)) read.insert(*var);
      });
    }
    const std::function<void(const Element&)> add_loops = [&](const Element& element) {
      const auto is_prev = [](const Expr& e) { return e.op == Op::kPrev; };
      const Step* const step = element.step();
      if (step != nullptr && step->where && any_expr(*step->where, is_prev)) read.insert(step->var);
      for (const Element& child : element.children()) add_loops(child);
    };
    for (const Element& element : rule.pattern) add_loops(element);
    return read.size();
  }

  // The pattern's size, and that time decides what waits at its end.
  void check_pattern(const Rule& rule) {
    if (rule.variables.size() >= UINT16_MAX) {
      refuse(fmt::format("{} steps", rule.variables.size()));
      return;
    }
    const std::size_t most = limits_.states_max;
    if (!needs_general(rule)) {
      if (rule.pattern.size() > most) refuse(fmt::format("a pattern of more than {} states", most));
      return;
    }
    const PatternProgram pattern = make_pattern(rule, limits_);
    if (is_too_large(pattern, limits_)) {
      refuse(fmt::format("a pattern of more than {} states", most));
      return;
    }
    if (variables_read(rule) > kSlotsMax) {
      refuse(fmt::format("conditions and the alert read {} steps; at most {}", variables_read(rule),
                         kSlotsMax));
    }
    for (const PatternTransition& transition : pattern.transitions) {
      if (transition.ending == Ending::kAtDeadline && transition.wait <= Duration{}) {
        refuse("a last absence with neither `for` nor `within`");
      }
      if (transition.greedy.size() > 32) refuse("more than 32 greedy loops in a row");
    }
    if (rule.without && rule.without->absent_for && rule.pattern.back().is_absence()) {
      refuse("`without … for` and an absence at the end");
    }
  }

  const Limits& limits_;
  std::vector<std::string> problems_;
};

class Checker {
 public:
  Checker(const Plan& plan, const Limits& limits) : plan_(plan), limits_(limits) {}

  std::vector<std::string> run() {
    for (const EventType& type : plan_.event_types) check_type(type);
    for (const List& list : plan_.lists) check_list(list);
    for (const Feature& feature : plan_.features) check_feature(feature);
    for (const Rule& rule : plan_.rules) check_rule(rule);
    return std::move(problems_);
  }

 private:
  void refuse(const std::string& what) { problems_.push_back(where_ + ": " + what); }

  void check_type(const EventType& type) {
    where_ = fmt::format("event `{}`", type.name);
    for (const Field& field : type.fields) check_expr(field.computed);
  }

  void check_key(const KeySpec& key) {
    for (std::size_t t = 0; t < plan_.event_types.size(); ++t) {
      std::set<std::string> roles;
      for (const KeyPart& part : key.parts) {
        for (const KeyMember& member : part.members) {
          if (member.type == EventTypeIndex(t) && !member.role.empty()) roles.insert(member.role);
        }
      }
      if (roles.size() > kRolesMax) {
        refuse(
            fmt::format("{} roles of one event type in `by`; at most {}", roles.size(), kRolesMax));
      }
    }
  }

  void check_pattern(std::string_view regex, bool ignore_case) {
    const std::optional<RegexProblem> problem = check_regex(regex, ignore_case);
    if (problem) refuse(fmt::format("the regular expression `{}`: {}", regex, problem->message));
  }
  void check_list(const List& list) {
    if (list.kind != ListKind::kRegex) return;
    where_ = fmt::format("list `{}`", list.name);
    for (std::size_t i = 0; i < list.values.size(); ++i) {
      check_pattern(list.values[i].view().text, i < list.ignore_case.size() && list.ignore_case[i]);
    }
  }

  void check_expr(const ExprPtr& expr) {
    if (!expr) return;
    if (const auto* regex = std::get_if<RegexLiteral>(&expr->payload)) {
      check_pattern(regex->text, regex->ignore_case);
    }
    for (const ExprPtr& arg : expr->args) check_expr(arg);
  }

  void check_feature(const Feature& feature) {
    where_ = fmt::format("feature `{}`", feature.name);
    check_expr(feature.window.zone());
    check_expr(feature.argument);
    check_expr(feature.where);
    check_expr(feature.window.where());
  }

  void check_element(const Element& element) {
    check_expr(element.where());
    check_expr(element.until_where());
    for (const Element& child : element.children()) check_element(child);
  }

  void check_rule(const Rule& rule) {
    where_ = fmt::format("rule `{}`", rule.name);
    check_key(rule.key);
    if (rule.window) check_expr(rule.window->where);
    for (const Element& element : rule.pattern) check_element(element);
    for (const std::string& problem : oversized(rule, limits_)) refuse(problem);
    const Suppression& suppression = rule.suppression;
    check_expr(suppression.zone());
    check_expr(suppression.condition());
    for (const ExprPtr& expr : suppression.for_each) check_expr(expr);
    if (suppression.at_most) {
      for (const ExprPtr& expr : suppression.at_most->for_each) check_expr(expr);
    }
    if (rule.without) check_expr(rule.without->where);
    for (const Exception& exception : rule.exceptions) check_expr(exception.condition);
    check_expr(rule.severity);
    check_expr(rule.having);
    for (const MessagePart& part : rule.message) check_expr(part.expr);
    for (const AlertField& field : rule.fields) check_expr(field.expr);
  }

  const Plan& plan_;
  const Limits& limits_;
  std::string where_;
  std::vector<std::string> problems_;
};
}  // namespace

std::vector<std::string> oversized(const Rule& rule, const Limits& limits) {
  return SizeChecker(limits).run(rule);
}

std::vector<std::string> unsupported(const Plan& plan, const Limits& limits) {
  return Checker(plan, limits).run();
}
}  // namespace tocsin::cep
