// Calls of functions: how many arguments, of which types, and what they give.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "cep/data/functions.h"
#include "cep/plan/function_name.h"
#include "cep/value/ip_address.h"
#include "rules/context/build_expr.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/check_expression.h"
#include "rules/expression/expression_parts.h"
#include "rules/syntax/foreign_names.h"
#include "rules/text/characters.h"

namespace tocsin::rules {
using cep::Function;
using cep::Op;
using cep::Type;
using cep::TypeKind;
using tree::ExprKind;

namespace {
struct Signature {
  Function function;
  std::size_t least;
  std::size_t most;
  const char* usage;
};
constexpr std::size_t kMany = ~std::size_t{0};
constexpr std::array kSignatures = {
    Signature{Function::kAbs, 1, 1, "abs(a - b)"},
    Signature{Function::kRound, 1, 2, "round(amount)` or `round(amount, 2)"},
    Signature{Function::kFloor, 1, 1, "floor(amount)"},
    Signature{Function::kCeil, 1, 1, "ceil(amount)"},
    Signature{Function::kSqrt, 1, 1, "sqrt(x)"},
    Signature{Function::kLn, 1, 1, "ln(x)"},
    Signature{Function::kExp, 1, 1, "exp(x)"},
    Signature{Function::kPow, 2, 2, "pow(x, 2)"},
    Signature{Function::kLower, 1, 1, "lower(email)"},
    Signature{Function::kUpper, 1, 1, "upper(country)"},
    Signature{Function::kLength, 1, 1, "length(memo)"},
    Signature{Function::kSubstring, 2, 3, "substring(card, 1, 6)"},
    Signature{Function::kNormalize, 1, 1, "normalize(name)"},
    Signature{Function::kHour, 2, 2, "hour(ts, \"Europe/Berlin\")"},
    Signature{Function::kWeekday, 2, 2, "weekday(ts, \"Europe/Berlin\")"},
    Signature{Function::kDate, 2, 2, "date(ts, \"Europe/Berlin\")"},
    Signature{Function::kDistanceKm, 4, 4, "distance_km(lat1, lon1, lat2, lon2)"},
    Signature{Function::kIpIn, 2, 2, "ip_in(ip, \"10.0.0.0/8\")"},
    Signature{Function::kSimilarity, 2, 2, "similarity(name, payee)"},
    Signature{Function::kConcat, 2, kMany, "concat(first_name, \" \", last_name)"},
    Signature{Function::kSplit, 3, 3, "split(email, \"@\", 2)"},
    Signature{Function::kCapture, 2, 3, "capture(memo, /card ([0-9]+)/, 1)"},
};

const Signature* signature_of(std::string_view name) {
  const auto found = std::ranges::find_if(kSignatures, [&](const Signature& signature) {
    return name == cep::function_name(signature.function);
  });
  return found == kSignatures.end() ? nullptr : &*found;
}

cep::ExprPtr call_expr(Function function, const Type& type, std::vector<cep::ExprPtr> args) {
  auto call = std::make_shared<cep::Expr>();
  call->op = Op::kCall;
  call->payload = cep::FunctionCall{function, {}};
  call->type = type;
  call->args = std::move(args);
  return call;
}

// The arguments that were written, in the place of those of the example.
void add_own_words(const CheckContext& context, const tree::Expr& call, Diagnostic& diagnostic) {
  struct Shape {
    std::string_view name;
    std::size_t arguments;
    std::string_view written;  // {0} and {1}: the arguments
  };
  static constexpr Shape kShapes[] = {{"isnull", 1, "{0} is missing"},
                                      {"contains", 2, "{0} contains {1}"},
                                      {"startswith", 2, "{0} starts with {1}"},
                                      {"starts_with", 2, "{0} starts with {1}"},
                                      {"endswith", 2, "{0} ends with {1}"},
                                      {"ends_with", 2, "{0} ends with {1}"},
                                      {"datediff", 2, "{0} - {1}"},
                                      {"timestampdiff", 2, "{0} - {1}"}};
  std::string small = call.name.text;
  std::ranges::transform(small, small.begin(), [](char c) { return lowered(c); });
  const auto* shape = std::ranges::find(kShapes, small, &Shape::name);
  if (small == "lag" || small == "prev") {
    if (call.args.size() != 1) return;
    const std::string field = written_at(context.sources, call.args[0]->span);
    if (!field.empty() && field.find('.') == std::string::npos)
      diagnostic.helps = {
          fmt::format("inside a loop the event before is `prev`: `prev.{}`", field)};
    return;
  }
  if ((small == "last" || small == "first") && call.args.size() == 1 &&
      call.args[0]->kind == ExprKind::kMember && call.args[0]->args[0]->kind == ExprKind::kName) {
    diagnostic.helps = {fmt::format("write `{}.{}.{}`", call.args[0]->args[0]->name.text, small,
                                    call.args[0]->name.text)};
    return;
  }
  if (shape == std::end(kShapes) || call.args.size() != shape->arguments) return;
  const std::string first = written_at(context.sources, call.args[0]->span);
  const std::string second =
      call.args.size() > 1 ? written_at(context.sources, call.args[1]->span) : std::string();
  if (first.empty() || (call.args.size() > 1 && second.empty())) return;
  diagnostic.helps = {
      fmt::format("write `{}`", fmt::format(fmt::runtime(shape->written), first, second))};
}

const Type& bool_type() {
  static const Type kBool = plain_type(TypeKind::kBool);
  return kBool;
}
bool is_kind(const Checked& checked, TypeKind kind) { return checked.type().kind == kind; }

Checked check_number(const ExprContext& c, const tree::Expr& expr, const std::string& asked_by) {
  Checked number = check_expr(c, expr);
  if (!number || is_number(number.type())) return number;
  report_argument(c, asked_by, "a number", number);
  return error_type(c, expr);
}

Checked check_rounding(const ExprContext& c, const tree::Expr& expr, Function function) {
  const Checked value = check_number(c, *expr.args[0], expr.name.text);
  std::vector<cep::ExprPtr> args = {value.expr};
  int digits = 0;
  if (expr.args.size() > 1) {
    const Checked places = check_expr(c, *expr.args[1]);
    if (!places) return error_type(c, expr);
    const cep::Value count = literal_of(*places.expr);
    const bool is_digit_count = places.expr->op == Op::kLiteral &&
                                count.kind == cep::ValueKind::kInt && count.number >= 0 &&
                                count.number <= cep::kScaleMax;
    if (!is_digit_count) {
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0315, places.span,
          fmt::format("the digits to round to are a number from 0 to {}", cep::kScaleMax),
          "not one of them");
      diagnostic.helps.push_back("it is written out, as the type of the result depends on it");
      c.context.sink.report(std::move(diagnostic));
      return error_type(c, expr);
    }
    digits = static_cast<int>(count.number);
    args.push_back(places.expr);
  }
  if (!value) return error_type(c, expr);
  Type type = plain_type(TypeKind::kInt);
  if (is_kind(value, TypeKind::kFloat)) type = value.type();
  const bool keeps_digits = is_exact_number(value.type()) && !is_kind(value, TypeKind::kInt);
  if (digits > 0 && keeps_digits) type = decimal_type(digits);
  return checked(expr, call_expr(function, type, std::move(args)));
}

Checked check_ip_in(const ExprContext& c, const tree::Expr& expr) {
  const std::string& name = expr.name.text;
  const Checked address = check_text(c, *expr.args[0], name);
  const tree::Expr& right = *expr.args[1];
  if (ValueSymbol* const symbol = find_networks(c, right)) {
    symbol->list_used = true;
    if (!address) return error_type(c, expr);
    return checked(expr, list_expr(Op::kIn, bool_type(), address, symbol->list));
  }
  // A list of networks: any of them.
  std::vector<Checked> networks;
  if (const auto values = find_text_values(c, right)) {
    for (const cep::OwnedValue& value : *values) {
      networks.push_back(
          {literal_expr(plain_type(TypeKind::kString), value.view()), right.span, std::nullopt});
    }
  } else if (right.kind == ExprKind::kList) {
    for (const tree::ExprPtr& arg : right.args) networks.push_back(check_text(c, *arg, name));
  } else {
    networks.push_back(check_text(c, right, name));
  }
  if (!address) return error_type(c, expr);
  std::vector<cep::ExprPtr> tests;
  for (const Checked& network : networks) {
    if (!network) return error_type(c, expr);
    const std::string text(literal_of(*network.expr).text);
    if (network.expr->op == Op::kLiteral && !cep::parse_ip_network(text)) {
      Diagnostic diagnostic = make_diagnostic(Code::kE0317, network.span,
                                              fmt::format("{} is not a network", in_code(text)));
      diagnostic.helps.push_back("write `10.0.0.0/8`, `2001:db8::/32`, or one address");
      c.context.sink.report(std::move(diagnostic));
      return error_type(c, expr);
    }
    tests.push_back(call_expr(Function::kIpIn, bool_type(), {address.expr, network.expr}));
  }
  if (tests.empty()) return checked(expr, literal_expr(bool_type(), cep::Value::boolean(false)));
  if (tests.size() == 1) return checked(expr, tests.front());
  return checked(expr, operator_expr(Op::kOr, bool_type(), std::move(tests)));
}

Checked check_substring(const ExprContext& c, const tree::Expr& expr) {
  const std::string& name = expr.name.text;
  const Checked text = check_text(c, *expr.args[0], name);
  std::vector<cep::ExprPtr> args = {text.expr};
  for (std::size_t i = 1; i < expr.args.size(); ++i) {
    const Checked number = check_expr(c, *expr.args[i]);
    if (!number) continue;
    if (is_kind(number, TypeKind::kInt)) {
      args.push_back(number.expr);
    } else {
      report_argument(c, name, "an int for a place in the text", number);
      c.context.has_error_type = true;
    }
  }
  if (!text || args.size() != expr.args.size()) return error_type(c, expr);
  return checked(expr,
                 call_expr(Function::kSubstring, plain_type(TypeKind::kString), std::move(args)));
}

// `hour`, `weekday`, `date`: of a time in a zone.
Checked check_time_function(const ExprContext& c, const tree::Expr& expr, Function function) {
  const Checked time = check_expr(c, *expr.args[0]);
  const Checked zone = check_zone_operand(c, *expr.args[1]);
  if (time && !is_kind(time, TypeKind::kTime)) {
    report_argument(c, expr.name.text, "a time", time);
    return error_type(c, expr);
  }
  if (!time || !zone) return error_type(c, expr);
  const TypeKind kind = function == Function::kDate ? TypeKind::kDate : TypeKind::kInt;
  return checked(expr, call_expr(function, plain_type(kind), {time.expr, zone.expr}));
}

Checked check_function(const ExprContext& c, const tree::Expr& expr, Function function) {
  const std::string& name = expr.name.text;
  const Type real = plain_type(TypeKind::kFloat);
  switch (function) {
    case Function::kAbs: {
      const Checked value = check_expr(c, *expr.args[0]);
      if (!value) return error_type(c, expr);
      if (!is_number(value.type()) && !is_kind(value, TypeKind::kDuration)) {
        report_argument(c, name, "a number or a duration", value);
        return error_type(c, expr);
      }
      return checked(expr, call_expr(function, value.type(), {value.expr}));
    }
    case Function::kRound:
    case Function::kFloor:
    case Function::kCeil:
      return check_rounding(c, expr, function);
    case Function::kSqrt:
    case Function::kLn:
    case Function::kExp:
    case Function::kPow:
    case Function::kDistanceKm: {
      std::vector<cep::ExprPtr> args;
      for (const tree::ExprPtr& arg : expr.args) {
        const Checked number = check_number(c, *arg, name);
        if (number) args.push_back(widened(number.expr, real));
      }
      if (args.size() != expr.args.size()) return error_type(c, expr);
      return checked(expr, call_expr(function, real, std::move(args)));
    }
    case Function::kLower:
    case Function::kUpper:
    case Function::kNormalize:
    case Function::kLength: {
      const Checked text = check_text(c, *expr.args[0], name);
      if (!text) return error_type(c, expr);
      const TypeKind kind = function == Function::kLength ? TypeKind::kInt : TypeKind::kString;
      return checked(expr, call_expr(function, plain_type(kind), {text.expr}));
    }
    case Function::kSubstring:
      return check_substring(c, expr);
    case Function::kHour:
    case Function::kWeekday:
    case Function::kDate:
      return check_time_function(c, expr, function);
    case Function::kIpIn:
      return check_ip_in(c, expr);
    case Function::kSimilarity: {
      const Checked a = check_text(c, *expr.args[0], name);
      const Checked b = check_text(c, *expr.args[1], name);
      if (!a || !b) return error_type(c, expr);
      return checked(expr, call_expr(function, real, {a.expr, b.expr}));
    }
    case Function::kConcat:
      return check_concat(c, expr);
    case Function::kSplit:
      return check_split(c, expr);
    case Function::kCapture:
      return check_capture(c, expr);
    case Function::kMin:
    case Function::kMax:
      break;
  }
  return error_type(c, expr);  // min and max are read as aggregates
}

// The functions that a call may name, `min` and `max` among them.
std::vector<std::string> function_names() {
  std::vector<std::string> names = {"coalesce", "matched", "since", "min", "max"};
  for (const Signature& signature : kSignatures) {
    names.emplace_back(cep::function_name(signature.function));
  }
  return names;
}

}  // namespace

void report_argument(const ExprContext& c, const std::string& function, std::string_view wants,
                     const Checked& got) {
  Diagnostic diagnostic = make_diagnostic(
      Code::kE0315, got.span,
      fmt::format("{} takes {}, not {}", in_code(function), wants, type_text(got.type())),
      type_label(c.context, got));
  c.context.sink.report(std::move(diagnostic));
}

bool check_count(const ExprContext& c, const tree::Expr& expr, std::size_t least, std::size_t most,
                 std::string_view usage) {
  if (expr.args.size() >= least && expr.args.size() <= most) return true;
  const auto arguments = [](std::size_t count) {
    return count == 1 ? std::string("one argument") : fmt::format("{} arguments", count);
  };
  const std::string wanted = least == most   ? arguments(least)
                             : most == kMany ? fmt::format("{} or more", arguments(least))
                                             : fmt::format("{} or {}", least, arguments(most));
  Diagnostic diagnostic = make_diagnostic(
      Code::kE0311, expr.span,
      fmt::format("{} takes {}, not {}", in_code(expr.name.text), wanted, expr.args.size()));
  diagnostic.helps.push_back(fmt::format("write `{}`", usage));
  c.context.sink.report(std::move(diagnostic));
  return false;
}

Checked check_text(const ExprContext& c, const tree::Expr& expr, const std::string& asked_by) {
  Checked text = check_expr(c, expr);
  if (!text || is_text(text.type())) return text;
  report_argument(c, asked_by, "text", text);
  return error_type(c, expr);
}

Checked check_call(const ExprContext& c, const tree::Expr& expr, const Type* words) {
  const std::string& name = expr.name.text;
  if (name == "coalesce") {
    if (expr.args.size() < 2) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0311, expr.span, "`coalesce` takes two or more values");
      diagnostic.helps.push_back(
          "`coalesce(ip, \"unknown\")` is the first value that is not missing");
      c.context.sink.report(std::move(diagnostic));
      return error_type(c, expr);
    }
    std::vector<const tree::Expr*> args;
    for (const tree::ExprPtr& arg : expr.args) args.push_back(arg.get());
    return check_common(c, expr, Op::kCoalesce, {}, check_together(c, args, words));
  }
  if (name == "matched") return check_matched(c, expr);
  if (name == "since") return check_since(c, expr);
  if (const Signature* signature = signature_of(name)) {
    if (!check_count(c, expr, signature->least, signature->most, signature->usage)) {
      return error_type(c, expr);
    }
    return check_function(c, expr, signature->function);
  }
  Diagnostic diagnostic = make_diagnostic(Code::kE0208, expr.op_span,
                                          fmt::format("no function is named {}", in_code(name)));
  if (std::optional<Diagnostic> foreign = foreign_function(name, expr.op_span)) {
    add_own_words(c.context, expr, *foreign);
    c.context.sink.report(std::move(*foreign));
    return error_type(c, expr);
  }
  std::vector<std::string> candidates = function_names();
  candidates.insert(candidates.end(), {"count", "sum", "avg", "distinct"});
  suggest(c.context, diagnostic, name, candidates);
  c.context.sink.report(std::move(diagnostic));
  return error_type(c, expr);
}

Checked check_extreme(const ExprContext& c, const tree::Expr& expr, const Type* words) {
  const tree::AggregateCall& call = *expr.aggregate;
  const Function function = call.name == cep::Aggregate::kMin ? Function::kMin : Function::kMax;
  std::vector<const tree::Expr*> args = {call.argument.get()};
  for (const tree::AggregateParam& param : call.params) {
    if (param.form != tree::AggregateParamForm::kExpr || !param.expr) {
      c.context.sink.report(make_diagnostic(Code::kE0311, param.span, "a value is needed here"));
      return error_type(c, expr);
    }
    args.push_back(param.expr.get());
  }
  const Checked common = check_common(c, expr, Op::kCall, {}, check_together(c, args, words));
  if (!common) return error_type(c, expr);
  if (!is_ordered(common.type())) {
    report_argument(c, cep::aggregate_name(call.name), "values that have an order", common);
    return error_type(c, expr);
  }
  return checked(expr, call_expr(function, common.type(), common.expr->args));
}
}  // namespace tocsin::rules
