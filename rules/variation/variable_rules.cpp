#include "rules/variation/variable_rules.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

#include "rules/variation/neighbours.h"

namespace tocsin::rules {
namespace {
using tree::Expr;
using tree::ExprKind;

// Constants that are a number or a duration, by name; without those whose name a field has too.
using Constants = std::map<std::string, std::string, std::less<>>;

void note_fields(const tree::Event& event, std::set<std::string, std::less<>>& fields) {
  for (const tree::Field& field : event.fields) fields.insert(field.name.text);
}

// `-2.50` is a literal behind a minus, or a literal.
std::string literal_text(const Expr& value) {
  if (value.kind == ExprKind::kLiteral) return value.text;
  if (value.kind != ExprKind::kNegate || value.args.size() != 1) return {};
  const std::string inner = literal_text(*value.args[0]);
  return inner.empty() || inner.starts_with('-') ? "" : "-" + inner;
}

Constants constants_of(const std::vector<tree::File>& files) {
  Constants constants;
  std::set<std::string, std::less<>> fields;
  for (const tree::File& file : files) {
    for (const tree::Item& item : file.items) {
      if (const auto* event = std::get_if<tree::Event>(&item)) note_fields(*event, fields);
      const auto* constant = std::get_if<tree::Const>(&item);
      if (constant == nullptr || constant->value == nullptr) continue;
      const std::string text = literal_text(*constant->value);
      if (!text.empty()) constants.emplace(constant->name.text, text);
    }
  }
  std::erase_if(constants, [&](const auto& constant) { return fields.contains(constant.first); });
  return constants;
}

std::vector<std::string> neighbours_of(std::string_view literal) {
  if (const auto duration = cep::parse_duration(literal)) return neighbours_of_duration(*duration);
  return neighbours_of_number(literal);
}

// Goes through one rule.
class Finder {
 public:
  Finder(const SourceMap& sources, const Constants& constants, VariableRule& rule)
      : sources_(sources), constants_(constants), rule_(rule) {}

  void find(const tree::Rule& rule) {
    if (rule.when) {
      std::visit([this](const auto& what) { look_at(what); }, rule.when->what);
    }
    if (rule.within) duration(rule.within->duration);
    if (rule.having) condition(rule.having->expr);
    if (rule.considering) kinds(rule.considering->kinds);
    if (rule.without) {
      kinds(rule.without->kinds);
      condition(rule.without->where);
      duration(rule.without->absent_for);
    }
    for (const tree::ExceptClause& except : rule.excepts) condition(except.where);
    std::ranges::stable_sort(rule_.literals, {},
                             [](const VariableLiteral& literal) { return literal.span.begin; });
  }

 private:
  void add(SourceSpan span, std::string written, std::string value,
           std::vector<std::string> neighbours) {
    if (neighbours.empty()) return;
    rule_.literals.push_back({span, std::move(written), std::move(value), std::move(neighbours)});
  }
  void duration(const std::optional<tree::DurationLiteral>& literal) {
    if (literal) duration(*literal);
  }
  void duration(const tree::DurationLiteral& literal) {
    add(literal.span, literal.text, literal.text, neighbours_of_duration(literal.value));
  }
  void count(const std::optional<tree::IntLiteral>& literal) {
    if (literal) count(*literal);
  }
  void count(const tree::IntLiteral& literal) {
    add(literal.span, literal.text, literal.text, neighbours_of_count(literal.value));
  }
  void kinds(const tree::Kinds& all) {
    for (const tree::KindRef& kind : all.refs) {
      rule_.reads_any_alert = rule_.reads_any_alert || kind.form == tree::KindForm::kAnyAlert;
    }
  }

  void look_at(const tree::Pattern& pattern) {
    for (const tree::Element& element : pattern.elements) {
      duration(element.within);
      std::visit([this](const auto& body) { look_at(body); }, element.body);
    }
  }
  void look_at(const tree::EventWindow& window) {
    kinds(window.kinds);
    if (!window.unit) duration(window.duration);
    condition(window.where);
  }
  void look_at(const tree::Absence& absence) {
    kinds(absence.kinds);
    condition(absence.where);
    duration(absence.absent_for);
  }
  void look_at(const tree::Step& step) {
    if (step.count) {
      count(step.count->min);
      count(step.count->max);
    }
    kinds(step.kinds);
    condition(step.where);
    if (step.until) {
      kinds(step.until->kinds);
      condition(step.until->where);
    }
    for (const tree::Pattern& pattern : step.patterns) look_at(pattern);
    for (const tree::Step& member : step.members) look_at(member);
  }

  void condition(const tree::ExprPtr& expr) {
    if (expr) condition(*expr);
  }
  // Recursion is bounded by tree::kTreeDepthMax.
  void condition(const Expr& expr) {
    const bool compares = (expr.kind >= ExprKind::kLess && expr.kind <= ExprKind::kBetween);
    if (expr.aggregate) aggregate(*expr.aggregate);
    for (const tree::ExprPtr& arg : expr.args) {
      if (!arg) continue;
      compares ? operand(*arg) : condition(*arg);
    }
  }
  // A side of a comparison.
  void operand(const Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kLiteral:
        literal(expr);
        return;
      case ExprKind::kName:
        constant(expr);
        return;
      case ExprKind::kNegate:
      case ExprKind::kAdd:
      case ExprKind::kSubtract:
      case ExprKind::kMultiply:
      case ExprKind::kDivide:
      case ExprKind::kModulo:
        for (const tree::ExprPtr& arg : expr.args) operand(*arg);
        return;
      case ExprKind::kIf:
        condition(expr.args[0]);
        operand(*expr.args[1]);
        operand(*expr.args[2]);
        return;
      default:
        condition(expr);
    }
  }
  void literal(const Expr& expr) {
    if (expr.text.empty()) return;
    // Without the parentheses of its own.
    SourceSpan span = expr.span;
    const std::string_view text =
        sources_.text(span.file).substr(span.begin, span.end - span.begin);
    const std::size_t at = text.find(expr.text);
    if (at == std::string_view::npos) return;
    span.begin += static_cast<std::uint32_t>(at);
    span.end = span.begin + static_cast<std::uint32_t>(expr.text.size());
    add(span, expr.text, expr.text, neighbours_of(expr.text));
  }
  void constant(const Expr& expr) {
    const auto found = constants_.find(expr.name.text);
    if (found == constants_.end()) return;
    std::vector<std::string> neighbours = neighbours_of(found->second);
    // A number stands behind any operator if it is in parentheses.
    for (std::string& neighbour : neighbours) {
      if (neighbour.starts_with('-')) neighbour = "(" + neighbour + ")";
    }
    add(expr.name.span, expr.name.text, found->second, std::move(neighbours));
  }

  void aggregate(const tree::AggregateCall& call) {
    condition(call.argument);
    for (const tree::KindRef& kind : call.subjects) {
      rule_.reads_any_alert = rule_.reads_any_alert || kind.form == tree::KindForm::kAnyAlert;
    }
    if (call.of) kinds(*call.of);
    condition(call.where);
    for (const tree::AggregateParam& param : call.params) condition(param.expr);
    if (!call.over) return;
    const tree::Window& window = *call.over;
    duration(window.duration);
    duration(window.excluding);
    count(window.events);
    duration(window.within);
    condition(window.where);
  }

  const SourceMap& sources_;
  const Constants& constants_;
  VariableRule& rule_;
};
}  // namespace

std::vector<VariableRule> find_variable_rules(const SourceMap& sources,
                                              const std::vector<tree::File>& files) {
  const Constants constants = constants_of(files);
  std::vector<VariableRule> rules;
  for (const tree::File& file : files) {
    for (const tree::Item& item : file.items) {
      const auto* const rule = std::get_if<tree::Rule>(&item);
      if (rule == nullptr) continue;
      VariableRule& found = rules.emplace_back();
      found.name = rule->name.text;
      found.span = rule->span;
      found.name_span = rule->name.span;
      if (rule->id) found.id_span = rule->id->word.span;
      Finder(sources, constants, found).find(*rule);
    }
  }
  return rules;
}
}  // namespace tocsin::rules
