#include "cep/plan_support.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cep/key_record.h"
#include "cep/program.h"
#include "cep/text_database.h"

namespace tocsin::cep {
namespace {
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
    if (expr->op == Op::kMatches) check_pattern(expr->literal.view().text, expr->ignore_case);
    if (expr->op == Op::kAggregate) {
      switch (expr->aggregate) {
        case Aggregate::kStddev:
        case Aggregate::kStddevPop:
        case Aggregate::kEwma:
        case Aggregate::kPercentile:
          refuse("of a loop's aggregates, stddev, ewma and percentile are not supported yet");
          break;
        default:
          break;
      }
    }
    for (const ExprPtr& arg : expr->args) check_expr(arg);
  }

  void check_feature(const Feature& feature) {
    where_ = fmt::format("feature `{}`", feature.name);
    if (feature.window.kind != WindowKind::kLast || feature.window.excluding ||
        feature.window.every || feature.window.needs || feature.unless_alerted_by) {
      refuse("of the windows, only `over last D` is supported yet");
    }
    switch (feature.aggregate) {
      case Aggregate::kCount:
        break;
      case Aggregate::kSum:
      case Aggregate::kAvg:
        switch (feature.argument->type.kind) {
          case TypeKind::kInt:
          case TypeKind::kDecimal:
          case TypeKind::kFraction:
          case TypeKind::kFloat:
            break;
          default:
            refuse(fmt::format("sum and avg of `{}` are not supported yet",
                               type_name(feature.argument->type)));
        }
        break;
      default:
        refuse("of the aggregates, only count, sum and avg are supported over a window yet");
    }
    check_expr(feature.argument);
    check_expr(feature.where);
  }

  void check_element(const Element& element, bool is_last) {
    if (element.kind != ElementKind::kStep && element.kind != ElementKind::kAbsence) {
      refuse("groups of steps are not supported yet");
      return;
    }
    if (element.gap) refuse("`then within D` is not supported yet");
    if (element.optional) refuse("optional steps are not supported yet");
    if (!element.until_events.empty()) refuse("`until` is not supported yet");
    if (element.next) refuse("`no next` is not supported yet");
    const Quantifier& quantifier = element.quantifier;
    if (quantifier.greedy) refuse("`greedy` is not supported yet");
    if (quantifier.mode == LoopMode::kEach) refuse("`each` is not supported yet");
    if (quantifier.min >= kUnbounded || quantifier.max.value_or(0) >= kUnbounded) {
      refuse(fmt::format("a count of {} or more in a step", kUnbounded));
    }
    if (element.kind == ElementKind::kAbsence && !is_last && element.absent_for) {
      refuse("`for` on an absence that is not the last");
    }
    if (element.events.size() >= Node::kHasValues) refuse("a step of that many kinds");
    check_expr(element.where);
  }

  void check_rule(const Rule& rule) {
    where_ = fmt::format("rule `{}`", rule.name);
    check_key(rule.key);
    const std::size_t elements = rule.pattern.size();
    const std::size_t most = std::min<std::size_t>(limits_.states_max, 1023);
    if (elements > most) refuse(fmt::format("a pattern of {} steps; at most {}", elements, most));
    for (std::size_t i = 0; i < elements; ++i) {
      const bool is_last = i + 1 == elements;
      check_element(rule.pattern[i], is_last);
      if (is_last && i > 0 && rule.pattern[i].kind == ElementKind::kAbsence &&
          rule.pattern[i - 1].kind == ElementKind::kAbsence) {
        refuse("two absences at the end of a pattern are not supported yet");
      }
    }
    switch (rule.selection.kind) {
      case SelectionKind::kDefault:
      case SelectionKind::kNoSkip:
      case SelectionKind::kSkipPastLast:
        break;
      default:
        refuse("of `after match`, only `no skip` and `skip past last` are supported yet");
    }
    if (rule.selection.in_order) refuse("`in order` is not supported yet");
    if (rule.selection.prefer_latest) refuse("`prefer latest` is not supported yet");
    const Suppression& suppression = rule.suppression;
    if (suppression.once != Once::kNone && suppression.once != Once::kPerDuration) {
      refuse("of `once`, only `once per D` is supported yet");
    }
    if (!suppression.for_each.empty()) refuse("`for each` is not supported yet");
    if (rule.window) refuse("windows that close are not supported yet");
    if (rule.without) refuse("`without` is not supported yet");
    if (!rule.exceptions.empty()) refuse("`except` is not supported yet");
    if (suppression.at_most) refuse("`at most` is not supported yet");
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

std::vector<std::string> unsupported(const Plan& plan, const Limits& limits) {
  return Checker(plan, limits).run();
}
}  // namespace tocsin::cep
