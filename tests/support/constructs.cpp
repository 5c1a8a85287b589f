#include "tests/support/constructs.h"

#include <array>

#include "cep/plan/feature.h"
#include "cep/plan/rule.h"

namespace tocsin::tests {
using cep::Element;
using cep::Expr;
using cep::ExprPtr;
using cep::Op;

namespace {
// The operators that are constructs wherever they stand; null for others.
const char* name_of(Op op) {
  switch (op) {
    case Op::kPrev:
      return "prev";
    case Op::kInLoop:
      return "in a loop";
    case Op::kIn:
      return "in a list";
    case Op::kInValues:
      return "in values";
    case Op::kBetween:
      return "between";
    case Op::kKey:
      return "key by its name";
    case Op::kIf:
      return "if";
    case Op::kCoalesce:
      return "coalesce";
    case Op::kIsMissing:
      return "is missing";
    case Op::kIsKnown:
      return "is known";
    case Op::kOr:
      return "or";
    case Op::kAnd:
      return "and";
    case Op::kNot:
      return "not";
    case Op::kNegate:
      return "negation";
    case Op::kAdd:
      return "+";
    case Op::kSubtract:
      return "-";
    case Op::kMultiply:
      return "*";
    case Op::kDivide:
      return "/";
    case Op::kModulo:
      return "%";
    case Op::kToFloat:
      return "comparison as floats";
    default:
      return nullptr;
  }
}

class Collector {
 public:
  std::set<std::string> collect(const cep::Plan& plan) {
    for (const cep::Feature& feature : plan.features) this->feature(feature);
    for (const cep::Rule& rule : plan.rules) this->rule(plan, rule);
    return std::move(found_);
  }

 private:
  void add(const char* name) { found_.insert(name); }

  void feature(const cep::Feature& feature) {
    add(feature.name.starts_with('$') ? "feature without a name" : "feature with a name");
    switch (feature.aggregate) {
      case cep::Aggregate::kCount:
        add("feature: count");
        break;
      case cep::Aggregate::kSum:
        add("feature: sum");
        break;
      default:
        add("feature: avg");
        break;
    }
    if (feature.where) add("feature: where");
    if (feature.key.parts.size() > 1) add("feature: key of two parts");
  }

  void expression(const cep::Rule& rule, const ExprPtr& e, const Element* element) {
    if (!e) return;
    switch (e->op) {
      case Op::kBound: {
        const auto& bound = e->as<cep::BoundField>();
        add(bound.which == cep::Which::kFirst  ? "reads the first of a loop"
            : bound.which == cep::Which::kLast ? "reads the last of a loop"
                                               : "reads an earlier step");
        if (element != nullptr && element->quantifier().loop && element->var() == bound.var) {
          add("reads its own loop");
        }
        break;
      }
      case Op::kAggregate:
        add(element != nullptr && element->quantifier().loop && element->var() == *variable_of(*e)
                ? "aggregate of its own loop"
                : "aggregate of an earlier loop");
        break;
      case Op::kFeature:
        add(element != nullptr ? "feature in a condition" : "feature in an alert");
        break;
      default:
        if (const char* name = name_of(e->op)) add(name);
    }
    for (const ExprPtr& arg : e->args) expression(rule, arg, element);
  }

  void step(const Element& element, bool first) {
    if (!first) {
      constexpr std::array kNames = {"then", "then first", "then next"};
      add(kNames[static_cast<std::size_t>(element.contiguity)]);
    }
    const cep::Quantifier& quantifier = element.quantifier();
    if (!quantifier.loop) return;
    add(!quantifier.max ? "loop N+" : *quantifier.max == quantifier.min ? "loop N" : "loop N..M");
    add(quantifier.mode == cep::LoopMode::kNext ? "strict loop" : "relaxed loop");
  }

  void rule(const cep::Plan& plan, const cep::Rule& rule) {
    for (std::size_t i = 0; i < rule.pattern.size(); ++i) {
      const Element& element = rule.pattern[i];
      const bool last = i + 1 == rule.pattern.size();
      const bool after_loop = i > 0 && rule.pattern[i - 1].quantifier().loop;
      if (element.is_step()) {
        step(element, i == 0);
        if (last && element.quantifier().loop) add("loop as the last step");
      } else if (!last) {
        add(after_loop ? "no X then Y, after a loop" : "no X then Y");
      } else {
        add(element.absent_for() ? "no X for D" : "no X to the end of within");
        if (after_loop) add("last absence after a loop");
      }
      if (element.where() && element.is_absence()) add("absence: where");
      if (element.events().size() > 1) add("several kinds");
      for (const cep::Subset& subset : element.events()) {
        if (subset.name != plan.event_types[subset.type.value].name) add("kind");
        expression(rule, subset.condition, &element);
      }
      expression(rule, element.where(), &element);
    }
    if (rule.pattern.size() == 1) add("one element");
    if (rule.within) add("within");
    if (rule.having) add("having");
    if (rule.severity) add("severity");
    expression(rule, rule.having, nullptr);
    expression(rule, rule.severity, nullptr);
    for (const cep::MessagePart& part : rule.message) expression(rule, part.expr, nullptr);
    for (const cep::AlertField& field : rule.fields) {
      if (field.name == "score") add("score");
      expression(rule, field.expr, nullptr);
    }
    if (rule.suppression.kind() == cep::Once::kPerDuration) add("once per D");
    if (rule.selection.kind == cep::SelectionKind::kDefault) add("default selection");
    if (rule.selection.kind == cep::SelectionKind::kNoSkip) add("no skip");
    if (rule.selection.kind == cep::SelectionKind::kSkipPastLast) add("skip past last");
    add(rule.key.parts.empty()       ? "no key"
        : rule.key.parts.size() == 1 ? "key of one part"
                                     : "key of two parts");
    if (!rule.key.parts.empty() && rule.key.parts[0].name == "account") add("key as a union");
  }

  std::set<std::string> found_;
};
}  // namespace

std::set<std::string> constructs_of(const cep::Plan& plan) { return Collector().collect(plan); }

const std::vector<std::string>& expected_constructs() {
  static const std::vector<std::string> kAll = {"feature with a name",
                                                "feature without a name",
                                                "feature: count",
                                                "feature: sum",
                                                "feature: avg",
                                                "feature: where",
                                                "feature: key of two parts",
                                                "reads the first of a loop",
                                                "reads the last of a loop",
                                                "reads an earlier step",
                                                "reads its own loop",
                                                "prev",
                                                "aggregate of its own loop",
                                                "aggregate of an earlier loop",
                                                "in a loop",
                                                "in a list",
                                                "in values",
                                                "between",
                                                "feature in a condition",
                                                "feature in an alert",
                                                "key by its name",
                                                "if",
                                                "coalesce",
                                                "is missing",
                                                "is known",
                                                "or",
                                                "and",
                                                "not",
                                                "negation",
                                                "+",
                                                "-",
                                                "*",
                                                "/",
                                                "%",
                                                "comparison as floats",
                                                "then",
                                                "then first",
                                                "then next",
                                                "loop N+",
                                                "loop N",
                                                "loop N..M",
                                                "strict loop",
                                                "relaxed loop",
                                                "loop as the last step",
                                                "no X then Y",
                                                "no X then Y, after a loop",
                                                "no X for D",
                                                "no X to the end of within",
                                                "last absence after a loop",
                                                "absence: where",
                                                "several kinds",
                                                "kind",
                                                "one element",
                                                "within",
                                                "having",
                                                "severity",
                                                "score",
                                                "once per D",
                                                "default selection",
                                                "no skip",
                                                "skip past last",
                                                "no key",
                                                "key of one part",
                                                "key of two parts",
                                                "key as a union"};
  return kAll;
}
}  // namespace tocsin::tests
