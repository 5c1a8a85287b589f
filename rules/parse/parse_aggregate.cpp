// Aggregates, their windows and zones.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rules/parse/grammar.h"
#include "rules/parse/lexemes.h"
#include "rules/parse/make_expr.h"
#include "rules/parse/parse_calendar.h"
#include "rules/parse/parse_foreign.h"
#include "rules/parse/recovery.h"
#include "rules/syntax/keywords.h"
#include "rules/text/characters.h"

namespace tocsin::rules {
using tree::ExprKind;
using tree::ExprPtr;
namespace {
void parse_aggregate_argument(ParseContext& p, tree::AggregateCall& call) {
  const SourceSpan begin = p.here();
  bool kinds_only = false;  // `alert x` or `any alert` among the terms
  bool plain = true;        // every term could name a kind
  std::vector<ExprPtr> terms;
  if (p.now().is(TokenKind::kStar)) {
    p.remark(Code::kE0117, begin, "the language has no `*` for all events",
             "name the kinds, as in `count(payment)`");
    p.take();
    call.argument = error_expr(p, begin);
    plain = false;
  } else if (p.now().is("distinct") && p.ahead().is(TokenKind::kName) &&
             !is_keyword(p.ahead().text)) {
    p.fail(Code::kE0117, fmt::format("`{}` has no `distinct`", cep::aggregate_name(call.name)), "",
           {fmt::format("`distinct` is an aggregate of its own: `distinct({} of payment)`",
                        p.ahead().text)});
    call.argument = error_expr(p, begin);
    plain = false;
  } else if (p.now().is("if")) {
    plain = false;
    terms.push_back(parse_expr(p));
  } else {
    do {
      if (p.now().is("alert") || p.now().is("any")) {
        kinds_only = true;
        call.subjects.push_back(parse_kindref(p));
        continue;
      }
      ExprPtr term = parse_conjunction(p);
      if (term->kind == ExprKind::kName && !term->parenthesized) {
        call.subjects.push_back({tree::KindForm::kNamed, term->name, term->span});
      } else {
        plain = false;
      }
      terms.push_back(std::move(term));
    } while (p.accept_operator("or"));
    p.note("an operator");
  }
  if (kinds_only && !plain && !p.panicking()) {
    p.remark(Code::kE0101, p.since(begin), "kinds of events and an expression in one aggregate", "",
             std::nullopt, {"write the expression before `of` and the kinds after it"});
    p.broken = true;
  }
  if (!plain) call.subjects.clear();
  if (!kinds_only && terms.size() == 1) {
    call.argument = std::move(terms.front());
  } else if (!kinds_only && terms.size() > 1) {
    call.argument = make_expr(p, ExprKind::kOr, begin, terms[1]->span);
    for (ExprPtr& term : terms) adopt(p, *call.argument, std::move(term));
  } else if (kinds_only && !plain) {
    call.argument = error_expr(p, p.since(begin));
  }
  if (p.accept("of")) {
    call.of_span = p.last();
    if (kinds_only && plain) {
      p.remark(Code::kE0101, p.since(begin), "kinds of events where an expression is needed",
               "the expression is written before `of`, the kinds after it");
      call.argument = error_expr(p, p.since(begin));
    }
    call.subjects.clear();
    call.of = parse_kinds(p);
  }
  call.where = parse_where(p, &call.where_span);
  call.unless = parse_unless(p);
}

// `where (C)`: a `where` without a parenthesis belongs to what the window stands in.
void parse_window_where(ParseContext& p, tree::Window& window) {
  if (!p.now().is("where") || !p.ahead().is(TokenKind::kParenOpen)) return;
  const SourceSpan begin = p.here();
  p.take();
  open_bracket(p, TokenKind::kParenOpen);
  window.where = parse_expr(p);
  close_bracket(p, TokenKind::kParenClose);
  window.where_span = p.since(begin);
}

void parse_range(ParseContext& p, tree::Window& window) {
  using tree::RangeForm;
  if (p.now().is("the") && (p.ahead().is("last") || p.ahead().is("previous"))) {
    const SourceSpan word{p.here().file, p.here().begin, p.span(p.ahead()).begin};
    p.remark(Code::kE0117, p.here(), "expected a window, found `the`", "leave it out",
             Edit{word, ""});
    p.take();
  }
  // `over 3 months`
  if (p.now().is(TokenKind::kInt) && p.ahead().is(TokenKind::kName) &&
      (lowered(p.ahead().text).starts_with("month") ||
       lowered(p.ahead().text).starts_with("year"))) {
    window.form = RangeForm::kLast;
    window.duration = parse_duration(p);
    return;
  }
  if (p.now().is(TokenKind::kDuration)) {
    p.remark(
        Code::kE0101, p.here(), "a window has a length",
        fmt::format("`last {0}` with the current event, `previous {0}` without it", p.now().text),
        std::nullopt);
    window.form = RangeForm::kLast;
    window.duration = parse_duration(p);
    return;
  }
  if (calendar_window(p, window)) return;
  if (p.accept("last")) {
    window.form = RangeForm::kLast;
    if (p.now().is(TokenKind::kInt) && p.ahead().is("events")) {
      window.form = RangeForm::kLastEvents;
      window.events = parse_integer(p, "a whole number");
      p.take();
      parse_window_where(p, window);
      return;
    }
    window.duration = parse_duration(p);
    if (p.accept("excluding") && p.expect("last")) window.excluding = parse_duration(p);
  } else if (p.accept("previous")) {
    window.form = RangeForm::kPrevious;
    if (p.accept("ever")) {
      window.form = RangeForm::kPreviousEver;
    } else if (p.now().is(TokenKind::kInt) && p.ahead().is("events")) {
      window.form = RangeForm::kPreviousEvents;
      window.events = parse_integer(p, "a whole number");
      p.take();
      if (p.accept("within")) window.within = parse_duration(p);
      parse_window_where(p, window);
    } else {
      window.duration = parse_duration(p);
    }
  } else if (p.accept("tumbling")) {
    window.form = RangeForm::kTumbling;
    window.duration = parse_duration(p);
  } else if (p.accept("session")) {
    window.form = RangeForm::kSession;
    if (p.expect("gap")) window.duration = parse_duration(p);
  } else if (p.accept("ever")) {
    window.form = RangeForm::kEver;
  } else if (window.all) {
    p.fail(Code::kE0101,
           fmt::format("expected a window after `over all`, found {}", p.found(p.now())), "",
           {"give the length of the window: `over all last 30d`, `over all ever`"});
  } else {
    p.fail_expected();
  }
}
}  // namespace

std::optional<tree::Unless> parse_unless(ParseContext& p) {
  if (!p.accept("unless")) return std::nullopt;
  const SourceSpan begin = p.last();
  if (!p.expect("alerted") || !p.expect("by")) return std::nullopt;
  tree::Unless made;
  made.rule = parse_name(p, "the name of a rule");
  made.span = p.since(begin);
  return made;
}

ExprPtr parse_where(ParseContext& p, SourceSpan* keyword) {
  if (!p.accept("where")) return nullptr;
  *keyword = p.last();
  ExprPtr made = parse_expr(p);
  while (p.now().is("where") && !p.panicking()) made = second_where(p, std::move(made));
  return made;
}

ExprPtr parse_aggregate(ParseContext& p, bool with_over) {
  const NestingLevel level(p);
  const SourceSpan begin = p.here();
  if (!level.ok) return error_expr(p, begin);
  auto call = std::make_unique<tree::AggregateCall>();
  call->name = *aggregate_named(p.now().text);
  call->name_span = begin;
  p.take();
  open_bracket(p, TokenKind::kParenOpen);
  parse_aggregate_argument(p, *call);
  while (accept_comma(p)) call->params.push_back(parse_aggregate_param(p));
  close_bracket(p, TokenKind::kParenClose);
  stray_closers(p);
  if (with_over && p.accept("over")) {
    call->over_span = p.last();
    call->over = parse_window(p);
  }
  const auto deeper = [](std::uint16_t depth, const ExprPtr& part) {
    return part ? std::max(depth, static_cast<std::uint16_t>(part->depth + 1)) : depth;
  };
  std::uint16_t depth = deeper(deeper(1, call->argument), call->where);
  for (const tree::AggregateParam& param : call->params) depth = deeper(depth, param.expr);
  ExprPtr made = make_expr(p, ExprKind::kAggregate, begin, begin);
  made->depth = depth;
  made->aggregate = std::move(call);
  return made;
}

tree::AggregateParam parse_aggregate_param(ParseContext& p) {
  tree::AggregateParam param;
  const SourceSpan begin = p.here();
  if (p.now().is("half") && p.ahead().is("life")) {
    p.take();
    p.take();
    param.form = tree::AggregateParamForm::kHalfLife;
    param.half_life = parse_duration(p);
  } else if (p.now().is("weight") && is_number(p.ahead().kind)) {
    p.take();
    param.form = tree::AggregateParamForm::kWeight;
    param.expr = parse_literal_token(p);
  } else {
    param.expr = parse_expr(p);
  }
  param.span = p.since(begin);
  return param;
}

tree::Window parse_window(ParseContext& p) {
  tree::Window window;
  const SourceSpan begin = p.here();
  if (p.accept("all")) window.all = p.last();
  window.form_span = p.here();
  parse_range(p, window);
  if (p.accept("every")) window.every = parse_duration(p);
  if (p.accept("needs")) {
    window.needs = parse_integer(p, "a whole number");
    p.expect("events");
  }
  window.span = p.since(begin);
  return window;
}

tree::Zone parse_zone(ParseContext& p) {
  tree::Zone zone;
  const SourceSpan begin = p.here();
  if (p.now().is(TokenKind::kString)) {
    zone.literal = parse_string(p, "a time zone");
  } else {
    do {
      zone.path.push_back(parse_name(p, "a time zone such as `\"Europe/Stockholm\"`"));
    } while (p.accept(TokenKind::kDot));
  }
  zone.span = p.since(begin);
  return zone;
}
}  // namespace tocsin::rules
