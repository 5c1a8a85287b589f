// Expressions, with the aggregates and windows in them.
#include "cep/base/assert.h"

#include <utility>

#include "cep/value/quoted.h"
#include "cep/value/value.h"
#include "rules/format/print_parts.h"

namespace tocsin::rules {
using tree::Expr;
using tree::ExprKind;
using tree::ExprPtr;
namespace {
std::string_view operator_text(ExprKind kind) {
  switch (kind) {
    case ExprKind::kAdd:
      return "+";
    case ExprKind::kSubtract:
      return "-";
    case ExprKind::kMultiply:
      return "*";
    case ExprKind::kDivide:
      return "/";
    case ExprKind::kModulo:
      return "%";
    case ExprKind::kEqual:
      return "=";
    case ExprKind::kNotEqual:
      return "!=";
    case ExprKind::kLess:
      return "<";
    case ExprKind::kLessEqual:
      return "<=";
    case ExprKind::kGreater:
      return ">";
    case ExprKind::kGreaterEqual:
      return ">=";
    case ExprKind::kIn:
      return "in";
    case ExprKind::kNotIn:
      return "not in";
    case ExprKind::kMatches:
      return "matches";
    case ExprKind::kMatchesAnyOf:
      return "matches any of";
    case ExprKind::kContains:
      return "contains";
    case ExprKind::kContainsWord:
      return "contains word";
    case ExprKind::kContainsAnyOf:
      return "contains any of";
    case ExprKind::kContainsAnyWordOf:
      return "contains any word of";
    case ExprKind::kStartsWith:
      return "starts with";
    case ExprKind::kEndsWith:
      return "ends with";
    default:
      return "";
  }
}

std::string literal_text(const Expr& expr) {
  if (!expr.text.empty()) return expr.text;
  const cep::Value value = expr.literal.view();
  if (value.kind == cep::ValueKind::kString) return cep::quoted(value.text);
  std::string text = cep::to_text(value);
  // A float always shows that it is one.
  if (value.kind == cep::ValueKind::kFloat && text.find_first_of("eE") == std::string::npos)
    text += "e0";
  return text;
}

bool is_chain(const Expr& expr) {
  return expr.kind == ExprKind::kAnd || expr.kind == ExprKind::kOr;
}

// `a and b and c`: the operators stand at the beginnings of lines.
void print_chain(TokenPrinter& p, const Expr& expr) {
  const bool all = expr.kind == ExprKind::kAnd;
  bool first = true;
  for (const ExprPtr& arg : expr.args) {
    if (!first) {
      p.layout().line_break(BreakForm::kBlank);
      p.word(all ? "and" : "or");
    }
    first = false;
    print_expr(p, *arg, all ? Tightness::kNot : Tightness::kAnd);
  }
}

void print_infix(TokenPrinter& p, const Expr& expr) {
  const Tightness own = tightness(expr);
  const bool compares = own == Tightness::kComparison;
  print_expr(p, *expr.args[0], compares ? Tightness::kSum : own);
  p.indented([&] {
    p.may_break();
    if (expr.kind == ExprKind::kIsMissing) return p.marks("is missing");
    if (expr.kind == ExprKind::kIsKnown) return p.marks("is known");
    if (expr.kind == ExprKind::kBetween) {
      p.word("between");
      print_expr(p, *expr.args[1], Tightness::kSum);
      p.may_break();
      p.word("and");
      return print_expr(p, *expr.args[2], Tightness::kSum);
    }
    TOCSIN_ASSERT(expr.args.size() == 2, "all other kinds of expression have two operands");
    p.word(operator_text(expr.kind));
    print_expr(p, *expr.args[1],
               compares                 ? Tightness::kSum
               : own == Tightness::kSum ? Tightness::kProduct
                                        : Tightness::kUnary);
  });
}

void print_choice(TokenPrinter& p, const Expr& expr) {
  p.group([&] {
    p.word("if");
    print_expr(p, *expr.args[0]);
    p.indented([&] {
      p.layout().line_break(BreakForm::kBlank);
      p.word("then");
      print_expr(p, *expr.args[1]);
      p.layout().line_break(BreakForm::kBlank);
      p.word("else");
      print_expr(p, *expr.args[2]);
    });
  });
}

void print_arguments(TokenPrinter& p, std::string_view opening, std::string_view closing,
                     const std::vector<ExprPtr>& args, std::size_t from) {
  if (args.size() == from) {
    return p.group([&] {
      p.mark(opening);
      p.layout().line_break(BreakForm::kNothing, BreakRole::kClosing);
      p.mark(closing);
    });
  }
  p.enclosed(opening, closing, [&] {
    for (std::size_t i = from; i < args.size(); ++i) {
      if (i > from) {
        p.mark(",");
        p.layout().line_break(BreakForm::kBlank);
      }
      print_expr(p, *args[i]);
    }
  });
}

void print_literal(TokenPrinter& p, const Expr& expr) {
  std::string text = literal_text(expr);
  if (text.starts_with('-')) {
    p.mark("-");
    text.erase(0, 1);
  }
  p.leaf(std::move(text));
}

void print_list(TokenPrinter& p, const Expr& expr) {
  p.entries(
      "[", "]", expr.args, Packing::kPacked, [](const ExprPtr& arg) { return arg->span.begin; },
      [&](const ExprPtr& arg) { print_expr(p, *arg); });
}

void print_aggregate(TokenPrinter& p, const tree::AggregateCall& call) {
  p.mark(cep::aggregate_name(call.name));
  p.enclosed("(", ")", [&] {
    if (call.argument) {
      print_expr(p, *call.argument);
    } else {
      print_kinds(p, call.subjects);
    }
    p.indented([&] {
      if (call.of) {
        p.may_break();
        p.word("of");
        print_kinds(p, call.of->refs);
      }
      print_where(p, call.where);
      print_unless(p, call.unless);
    });
    for (const tree::AggregateParam& param : call.params) {
      p.mark(",");
      p.layout().line_break(BreakForm::kBlank);
      print_parameter(p, param);
    }
  });
  if (!call.over) return;
  p.indented([&] {
    p.may_break();
    p.word("over");
    print_window(p, *call.over);
  });
}

void print_bare(TokenPrinter& p, const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kError:
      return;
    case ExprKind::kLiteral:
      return print_literal(p, expr);
    case ExprKind::kRegex:
      return p.leaf("/" + expr.text + (expr.ignore_case ? "/i" : "/"));
    case ExprKind::kName:
      return p.name(expr.name);
    case ExprKind::kPrev:
      return p.mark("prev");
    case ExprKind::kMember:
      print_expr(p, *expr.args[0], Tightness::kPostfix);
      p.mark(".");
      return p.name(expr.name);
    case ExprKind::kIndex:
      print_expr(p, *expr.args[0], Tightness::kPostfix);
      return print_arguments(p, "[", "]", expr.args, 1);
    case ExprKind::kCall:
      p.name(expr.name);
      return print_arguments(p, "(", ")", expr.args, 0);
    case ExprKind::kList:
      return print_list(p, expr);
    case ExprKind::kAggregate:
      return print_aggregate(p, *expr.aggregate);
    case ExprKind::kNot:
      p.word("not");
      return print_expr(p, *expr.args[0], Tightness::kNot);
    case ExprKind::kNegate:
      p.mark("-");
      return print_expr(p, *expr.args[0], Tightness::kUnary);
    case ExprKind::kAnd:
    case ExprKind::kOr:
      return p.group([&] { p.indented([&] { print_chain(p, expr); }); });
    case ExprKind::kIf:
      return print_choice(p, expr);
    default:
      return print_infix(p, expr);
  }
}
}  // namespace

Tightness tightness(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kIf:
      return Tightness::kChoice;
    case ExprKind::kOr:
      return Tightness::kOr;
    case ExprKind::kAnd:
      return Tightness::kAnd;
    case ExprKind::kNot:
      return Tightness::kNot;
    case ExprKind::kAdd:
    case ExprKind::kSubtract:
      return Tightness::kSum;
    case ExprKind::kMultiply:
    case ExprKind::kDivide:
    case ExprKind::kModulo:
      return Tightness::kProduct;
    case ExprKind::kNegate:
      return Tightness::kUnary;
    case ExprKind::kMember:
    case ExprKind::kIndex:
      return Tightness::kPostfix;
    case ExprKind::kEqual:
    case ExprKind::kNotEqual:
    case ExprKind::kLess:
    case ExprKind::kLessEqual:
    case ExprKind::kGreater:
    case ExprKind::kGreaterEqual:
    case ExprKind::kBetween:
    case ExprKind::kIn:
    case ExprKind::kNotIn:
    case ExprKind::kMatches:
    case ExprKind::kMatchesAnyOf:
    case ExprKind::kContains:
    case ExprKind::kContainsWord:
    case ExprKind::kContainsAnyOf:
    case ExprKind::kContainsAnyWordOf:
    case ExprKind::kStartsWith:
    case ExprKind::kEndsWith:
    case ExprKind::kIsMissing:
    case ExprKind::kIsKnown:
      return Tightness::kComparison;
    case ExprKind::kAggregate:
      // A window goes on to the right, as in `over today in zone.name`.
      return expr.aggregate && expr.aggregate->over ? Tightness::kUnary : Tightness::kPrimary;
    default:
      return Tightness::kPrimary;
  }
}

void print_expr(TokenPrinter& p, const Expr& expr, Tightness least) {
  // A source has the parentheses that it needs.
  const bool needed = !p.has_source() && tightness(expr) < least;
  if (!expr.parenthesized && !needed) return print_bare(p, expr);
  p.enclosed("(", ")", [&] { is_chain(expr) ? print_chain(p, expr) : print_bare(p, expr); });
}

void print_condition(TokenPrinter& p, const Expr& expr) {
  if (is_chain(expr) && !expr.parenthesized) return p.group([&] { print_chain(p, expr); });
  print_expr(p, expr);
}

void print_parameter(TokenPrinter& p, const tree::AggregateParam& param) {
  switch (param.form) {
    case tree::AggregateParamForm::kHalfLife:
      p.word("half life");
      return p.duration(*param.half_life);
    case tree::AggregateParamForm::kWeight:
      p.word("weight");
      break;
    case tree::AggregateParamForm::kExpr:
      break;
  }
  print_expr(p, *param.expr);
}

void print_where(TokenPrinter& p, const ExprPtr& where) {
  if (!where) return;
  p.may_break();
  p.word("where");
  print_condition(p, *where);
}

void print_unless(TokenPrinter& p, const std::optional<tree::Unless>& unless) {
  if (!unless) return;
  p.may_break();
  p.word("unless alerted by");
  p.name(unless->rule);
}

void print_window(TokenPrinter& p, const tree::Window& window) {
  using tree::RangeForm;
  if (window.all) p.word("all");
  switch (window.form) {
    case RangeForm::kLast:
      p.word("last");
      p.duration(*window.duration);
      if (window.excluding) {
        p.may_break();
        p.word("excluding last");
        p.duration(*window.excluding);
      }
      break;
    case RangeForm::kLastEvents:
    case RangeForm::kPreviousEvents:
      p.word(window.form == RangeForm::kLastEvents ? "last" : "previous");
      p.integer(*window.events);
      p.blank();
      p.mark("events");
      if (window.within) {
        p.may_break();
        p.word("within");
        p.duration(*window.within);
      }
      if (window.where) {
        p.may_break();
        p.word("where");
        p.enclosed("(", ")", [&] { print_condition(p, *window.where); });
      }
      break;
    case RangeForm::kPrevious:
      p.word("previous");
      p.duration(*window.duration);
      break;
    case RangeForm::kPreviousEver:
      p.marks("previous ever");
      break;
    case RangeForm::kTumbling:
      p.word("tumbling");
      p.duration(*window.duration);
      break;
    case RangeForm::kCalendar:
      if (window.unit == cep::CalendarUnit::kDay) {
        p.word("today in");
      } else {
        p.word("this");
        p.word(cep::unit_name(window.unit));
        p.word("in");
      }
      print_zone(p, *window.zone);
      break;
    case RangeForm::kSession:
      p.word("session gap");
      p.duration(*window.duration);
      break;
    case RangeForm::kEver:
      p.mark("ever");
      break;
  }
  if (window.every) {
    p.may_break();
    p.word("every");
    p.duration(*window.every);
  }
  if (window.needs) {
    p.may_break();
    p.word("needs");
    p.integer(*window.needs);
    p.blank();
    p.mark("events");
  }
}

void print_zone(TokenPrinter& p, const tree::Zone& zone) {
  if (zone.literal) return p.string(*zone.literal);
  bool first = true;
  for (const tree::Name& part : zone.path) {
    if (!first) p.mark(".");
    first = false;
    p.name(part);
  }
}

void print_kind(TokenPrinter& p, const tree::KindRef& ref) {
  if (ref.form == tree::KindForm::kAnyAlert) return p.marks("any alert");
  if (ref.form == tree::KindForm::kAlert) p.word("alert");
  p.name(ref.name);
}

void print_kinds(TokenPrinter& p, const std::vector<tree::KindRef>& refs) {
  bool first = true;
  for (const tree::KindRef& ref : refs) {
    if (!first) {
      p.may_break();
      p.word("or");
    }
    first = false;
    print_kind(p, ref);
  }
}
}  // namespace tocsin::rules
