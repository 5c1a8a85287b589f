// Aggregates, their windows and zones.
#include <fmt/format.h>

#include <algorithm>

#include "rules/syntax/parser_impl.h"

namespace tocsin::rules {
using tree::ExprKind;
using tree::ExprPtr;

std::optional<tree::Unless> Parser::unless() {
  if (!accept("unless")) return std::nullopt;
  const SourceSpan begin = last();
  if (!expect("alerted") || !expect("by")) return std::nullopt;
  tree::Unless made;
  made.rule = name("the name of a rule");
  made.span = since(begin);
  return made;
}

ExprPtr Parser::where(SourceSpan* keyword) {
  if (!accept("where")) return nullptr;
  *keyword = last();
  ExprPtr made = expr();
  while (now().is("where") && !panic_) made = second_where(std::move(made));
  return made;
}

ExprPtr Parser::aggregate(bool with_over) {
  const Level level(*this);
  const SourceSpan begin = here();
  if (!level.ok) return error_expr(begin);
  auto call = std::make_unique<tree::AggregateCall>();
  call->name = *aggregate_named(now().text);
  call->name_span = begin;
  take();
  open(TokenKind::kParenOpen);
  aggregate_argument(*call);
  while (accept_comma()) call->params.push_back(aggregate_param());
  close(TokenKind::kParenClose);
  stray_closers();
  if (with_over && accept("over")) {
    call->over_span = last();
    call->over = window();
  }
  const auto deeper = [](std::uint16_t depth, const ExprPtr& part) {
    return part ? std::max(depth, static_cast<std::uint16_t>(part->depth + 1)) : depth;
  };
  std::uint16_t depth = deeper(deeper(1, call->argument), call->where);
  for (const tree::AggregateParam& param : call->params) depth = deeper(depth, param.expr);
  ExprPtr made = make(ExprKind::kAggregate, begin, begin);
  made->depth = depth;
  made->aggregate = std::move(call);
  return made;
}

void Parser::aggregate_argument(tree::AggregateCall& call) {
  const SourceSpan begin = here();
  bool kinds_only = false;  // `alert x` or `any alert` among the terms
  bool plain = true;        // every term could name a kind
  std::vector<ExprPtr> terms;
  if (now().is(TokenKind::kStar)) {
    remark(Code::kE0117, begin, "the language has no `*` for all events",
           "name the kinds, as in `count(payment)`");
    take();
    call.argument = error_expr(begin);
    plain = false;
  } else if (now().is("distinct") && ahead().is(TokenKind::kName) && !is_keyword(ahead().text)) {
    fail(Code::kE0117, fmt::format("`{}` has no `distinct`", cep::aggregate_name(call.name)), "",
         {fmt::format("`distinct` is an aggregate of its own: `distinct({} of payment)`",
                      ahead().text)});
    call.argument = error_expr(begin);
    plain = false;
  } else if (now().is("if")) {
    plain = false;
    terms.push_back(expr());
  } else {
    do {
      if (now().is("alert") || now().is("any")) {
        kinds_only = true;
        call.subjects.push_back(kindref());
        continue;
      }
      ExprPtr term = conj();
      if (term->kind == ExprKind::kName && !term->parenthesized) {
        call.subjects.push_back({tree::KindForm::kNamed, term->name, term->span});
      } else {
        plain = false;
      }
      terms.push_back(std::move(term));
    } while (accept_operator("or"));
    note("an operator");
  }
  if (kinds_only && !plain && !panic_) {
    remark(Code::kE0101, since(begin), "kinds of events and an expression in one aggregate", "",
           std::nullopt, {"write the expression before `of` and the kinds behind it"});
    broken_ = true;
  }
  if (!plain) call.subjects.clear();
  if (!kinds_only && terms.size() == 1) {
    call.argument = std::move(terms.front());
  } else if (!kinds_only && terms.size() > 1) {
    call.argument = make(ExprKind::kOr, begin, terms[1]->span);
    for (ExprPtr& term : terms) adopt(*call.argument, std::move(term));
  } else if (kinds_only && !plain) {
    call.argument = error_expr(since(begin));
  }
  if (accept("of")) {
    call.of_span = last();
    if (kinds_only && plain) {
      remark(Code::kE0101, since(begin), "kinds of events where an expression is needed",
             "the expression stands before `of`, the kinds behind it");
      call.argument = error_expr(since(begin));
    }
    call.subjects.clear();
    call.of = kinds();
  }
  call.where = where(&call.where_span);
  call.unless = unless();
}

tree::AggregateParam Parser::aggregate_param() {
  tree::AggregateParam param;
  const SourceSpan begin = here();
  if (now().is("half") && ahead().is("life")) {
    take();
    take();
    param.form = tree::AggregateParamForm::kHalfLife;
    param.half_life = duration();
  } else if (now().is("weight") && is_number(ahead().kind)) {
    take();
    param.form = tree::AggregateParamForm::kWeight;
    param.expr = literal_token();
  } else {
    param.expr = expr();
  }
  param.span = since(begin);
  return param;
}

tree::Window Parser::window() {
  tree::Window window;
  const SourceSpan begin = here();
  if (accept("all")) window.all = last();
  window.form_span = here();
  range(window);
  if (accept("every")) window.every = duration();
  if (accept("needs")) {
    window.needs = integer("a whole number");
    expect("events");
  }
  window.span = since(begin);
  return window;
}

void Parser::range(tree::Window& window) {
  using tree::RangeForm;
  if (now().is("the") && (ahead().is("last") || ahead().is("previous"))) {
    const SourceSpan word{here().file, here().begin, lexer_.span(ahead()).begin};
    remark(Code::kE0117, here(), "expected a window, found `the`", "leave it out", Edit{word, ""});
    take();
  }
  // `over 3 months`
  if (now().is(TokenKind::kInt) && ahead().is(TokenKind::kName) &&
      (lowered(ahead().text).starts_with("month") || lowered(ahead().text).starts_with("year"))) {
    window.form = RangeForm::kLast;
    window.duration = duration();
    return;
  }
  if (now().is(TokenKind::kDuration)) {
    remark(Code::kE0101, here(), "a window says from where it reaches",
           fmt::format("`last {0}` with the current event, `previous {0}` without it", now().text),
           std::nullopt);
    window.form = RangeForm::kLast;
    window.duration = duration();
    return;
  }
  if (calendar_window(window)) return;
  if (accept("last")) {
    window.form = RangeForm::kLast;
    if (now().is(TokenKind::kInt) && ahead().is("events")) {
      window.form = RangeForm::kLastEvents;
      window.events = integer("a whole number");
      take();
      window_where(window);
      return;
    }
    window.duration = duration();
    if (accept("excluding") && expect("last")) window.excluding = duration();
  } else if (accept("previous")) {
    window.form = RangeForm::kPrevious;
    if (accept("ever")) {
      window.form = RangeForm::kPreviousEver;
    } else if (now().is(TokenKind::kInt) && ahead().is("events")) {
      window.form = RangeForm::kPreviousEvents;
      window.events = integer("a whole number");
      take();
      if (accept("within")) window.within = duration();
      window_where(window);
    } else {
      window.duration = duration();
    }
  } else if (accept("tumbling")) {
    window.form = RangeForm::kTumbling;
    window.duration = duration();
  } else if (accept("session")) {
    window.form = RangeForm::kSession;
    if (expect("gap")) window.duration = duration();
  } else if (accept("ever")) {
    window.form = RangeForm::kEver;
  } else if (window.all) {
    fail(Code::kE0101, fmt::format("expected a window after `over all`, found {}", found(now())),
         "", {"say how far back it looks: `over all last 30d`, `over all ever`"});
  } else {
    fail_expected();
  }
}

// `where (C)`: a `where` without a parenthesis belongs to what the window stands in.
void Parser::window_where(tree::Window& window) {
  if (!now().is("where") || !ahead().is(TokenKind::kParenOpen)) return;
  const SourceSpan begin = here();
  take();
  open(TokenKind::kParenOpen);
  window.where = expr();
  close(TokenKind::kParenClose);
  window.where_span = since(begin);
}

tree::Zone Parser::zone() {
  tree::Zone zone;
  const SourceSpan begin = here();
  if (now().is(TokenKind::kString)) {
    zone.literal = string("a time zone");
  } else {
    do {
      zone.path.push_back(name("a time zone such as `\"Europe/Stockholm\"`"));
    } while (accept(TokenKind::kDot));
  }
  zone.span = since(begin);
  return zone;
}

}  // namespace tocsin::rules
