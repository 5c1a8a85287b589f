// Expressions, with the aggregates and windows in them.
#include "cep/base/assert.h"
#include "cep/value/quoted.h"
#include "cep/value/value.h"
#include "rules/format/printer.h"

namespace tocsin::rules {
using tree::Expr;
using tree::ExprKind;
using tree::ExprPtr;

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
}  // namespace

void Printer::expr(const Expr& expr, Tightness least) {
  // A source has the parentheses that it needs.
  const bool needed = source_ == nullptr && tightness(expr) < least;
  if (!expr.parenthesized && !needed) return bare(expr);
  enclosed("(", ")", [&] { is_chain(expr) ? chain(expr) : bare(expr); });
}

void Printer::condition(const Expr& expr) {
  if (is_chain(expr) && !expr.parenthesized) return group([&] { chain(expr); });
  this->expr(expr);
}

// `a and b and c`: the operators stand at the beginnings of lines.
void Printer::chain(const Expr& expr) {
  const bool all = expr.kind == ExprKind::kAnd;
  bool first = true;
  for (const ExprPtr& arg : expr.args) {
    if (!first) {
      layout_.line_break(BreakForm::kBlank);
      word(all ? "and" : "or");
    }
    first = false;
    this->expr(*arg, all ? Tightness::kNot : Tightness::kAnd);
  }
}

void Printer::bare(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kError:
      return;
    case ExprKind::kLiteral:
      return literal(expr);
    case ExprKind::kRegex:
      return leaf("/" + expr.text + (expr.ignore_case ? "/i" : "/"));
    case ExprKind::kName:
      return name(expr.name);
    case ExprKind::kPrev:
      return mark("prev");
    case ExprKind::kMember:
      this->expr(*expr.args[0], Tightness::kPostfix);
      mark(".");
      return name(expr.name);
    case ExprKind::kIndex:
      this->expr(*expr.args[0], Tightness::kPostfix);
      return arguments("[", "]", expr.args, 1);
    case ExprKind::kCall:
      name(expr.name);
      return arguments("(", ")", expr.args, 0);
    case ExprKind::kList:
      return list(expr);
    case ExprKind::kAggregate:
      return aggregate(*expr.aggregate);
    case ExprKind::kNot:
      word("not");
      return this->expr(*expr.args[0], Tightness::kNot);
    case ExprKind::kNegate:
      mark("-");
      return this->expr(*expr.args[0], Tightness::kUnary);
    case ExprKind::kAnd:
    case ExprKind::kOr:
      return group([&] { indented([&] { chain(expr); }); });
    case ExprKind::kIf:
      return choice(expr);
    default:
      return infix(expr);
  }
}

void Printer::infix(const Expr& expr) {
  const Tightness own = tightness(expr);
  const bool compares = own == Tightness::kComparison;
  this->expr(*expr.args[0], compares ? Tightness::kSum : own);
  indented([&] {
    may_break();
    if (expr.kind == ExprKind::kIsMissing) return marks("is missing");
    if (expr.kind == ExprKind::kIsKnown) return marks("is known");
    if (expr.kind == ExprKind::kBetween) {
      word("between");
      this->expr(*expr.args[1], Tightness::kSum);
      may_break();
      word("and");
      return this->expr(*expr.args[2], Tightness::kSum);
    }
    TOCSIN_ASSERT(expr.args.size() == 2, "all other kinds of expression have two operands");
    word(operator_text(expr.kind));
    this->expr(*expr.args[1], compares                 ? Tightness::kSum
                              : own == Tightness::kSum ? Tightness::kProduct
                                                       : Tightness::kUnary);
  });
}

void Printer::choice(const Expr& expr) {
  group([&] {
    word("if");
    this->expr(*expr.args[0]);
    indented([&] {
      layout_.line_break(BreakForm::kBlank);
      word("then");
      this->expr(*expr.args[1]);
      layout_.line_break(BreakForm::kBlank);
      word("else");
      this->expr(*expr.args[2]);
    });
  });
}

void Printer::arguments(std::string_view opening, std::string_view closing,
                        const std::vector<ExprPtr>& args, std::size_t from) {
  if (args.size() == from) {
    return group([&] {
      mark(opening);
      layout_.line_break(BreakForm::kNothing, BreakRole::kClosing);
      mark(closing);
    });
  }
  enclosed(opening, closing, [&] {
    for (std::size_t i = from; i < args.size(); ++i) {
      if (i > from) {
        mark(",");
        layout_.line_break(BreakForm::kBlank);
      }
      expr(*args[i]);
    }
  });
}

void Printer::literal(const Expr& expr) {
  std::string text = literal_text(expr);
  if (text.starts_with('-')) {
    mark("-");
    text.erase(0, 1);
  }
  leaf(std::move(text));
}

void Printer::list(const Expr& expr) {
  entries(
      "[", "]", expr.args, Packing::kPacked, [](const ExprPtr& arg) { return arg->span.begin; },
      [&](const ExprPtr& arg) { this->expr(*arg); });
}

// ---- aggregates
void Printer::aggregate(const tree::AggregateCall& call) {
  mark(cep::aggregate_name(call.name));
  enclosed("(", ")", [&] {
    if (call.argument) {
      expr(*call.argument);
    } else {
      kinds(call.subjects);
    }
    indented([&] {
      if (call.of) {
        may_break();
        word("of");
        kinds(call.of->refs);
      }
      where(call.where);
      unless(call.unless);
    });
    for (const tree::AggregateParam& param : call.params) {
      mark(",");
      layout_.line_break(BreakForm::kBlank);
      parameter(param);
    }
  });
  if (!call.over) return;
  indented([&] {
    may_break();
    word("over");
    window(*call.over);
  });
}

void Printer::parameter(const tree::AggregateParam& param) {
  switch (param.form) {
    case tree::AggregateParamForm::kHalfLife:
      word("half life");
      return duration(*param.half_life);
    case tree::AggregateParamForm::kWeight:
      word("weight");
      break;
    case tree::AggregateParamForm::kExpr:
      break;
  }
  expr(*param.expr);
}

void Printer::where(const ExprPtr& where) {
  if (!where) return;
  may_break();
  word("where");
  condition(*where);
}

void Printer::unless(const std::optional<tree::Unless>& unless) {
  if (!unless) return;
  may_break();
  word("unless alerted by");
  name(unless->rule);
}

void Printer::window(const tree::Window& window) {
  using tree::RangeForm;
  if (window.all) word("all");
  switch (window.form) {
    case RangeForm::kLast:
      word("last");
      duration(*window.duration);
      if (window.excluding) {
        may_break();
        word("excluding last");
        duration(*window.excluding);
      }
      break;
    case RangeForm::kLastEvents:
    case RangeForm::kPreviousEvents:
      word(window.form == RangeForm::kLastEvents ? "last" : "previous");
      integer(*window.events);
      blank();
      mark("events");
      if (window.within) {
        may_break();
        word("within");
        duration(*window.within);
      }
      if (window.where) {
        may_break();
        word("where");
        enclosed("(", ")", [&] { condition(*window.where); });
      }
      break;
    case RangeForm::kPrevious:
      word("previous");
      duration(*window.duration);
      break;
    case RangeForm::kPreviousEver:
      marks("previous ever");
      break;
    case RangeForm::kTumbling:
      word("tumbling");
      duration(*window.duration);
      break;
    case RangeForm::kCalendar:
      if (window.unit == cep::CalendarUnit::kDay) {
        word("today in");
      } else {
        word("this");
        word(cep::unit_name(window.unit));
        word("in");
      }
      zone(*window.zone);
      break;
    case RangeForm::kSession:
      word("session gap");
      duration(*window.duration);
      break;
    case RangeForm::kEver:
      mark("ever");
      break;
  }
  if (window.every) {
    may_break();
    word("every");
    duration(*window.every);
  }
  if (window.needs) {
    may_break();
    word("needs");
    integer(*window.needs);
    blank();
    mark("events");
  }
}

void Printer::zone(const tree::Zone& zone) {
  if (zone.literal) return string(*zone.literal);
  bool first = true;
  for (const tree::Name& part : zone.path) {
    if (!first) mark(".");
    first = false;
    name(part);
  }
}

void Printer::kind(const tree::KindRef& ref) {
  if (ref.form == tree::KindForm::kAnyAlert) return marks("any alert");
  if (ref.form == tree::KindForm::kAlert) word("alert");
  name(ref.name);
}

void Printer::kinds(const std::vector<tree::KindRef>& refs) {
  bool first = true;
  for (const tree::KindRef& ref : refs) {
    if (!first) {
      may_break();
      word("or");
    }
    first = false;
    kind(ref);
  }
}
}  // namespace tocsin::rules
