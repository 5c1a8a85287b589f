// Kinds, patterns and windows of events.
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "rules/parse/construct_start.h"
#include "rules/parse/grammar.h"
#include "rules/parse/lexemes.h"
#include "rules/parse/parse_calendar.h"
#include "rules/parse/parse_foreign_steps.h"
#include "rules/parse/recovery.h"
#include "rules/syntax/keywords.h"
#include "rules/text/suggest.h"

namespace tocsin::rules {
namespace {
bool is_any_of(const Token& token, std::initializer_list<std::string_view> words) {
  return token.is(TokenKind::kName) && std::ranges::find(words, token.text) != words.end();
}
tree::Step parse_step(ParseContext& p);

// `then`, or what other languages have for it.
bool accept_then(ParseContext& p) {
  if (p.now().is("then") && !p.panicking() && p.ahead().is("alert") &&
      p.ahead(2).is(TokenKind::kString)) {
    const SourceSpan word{p.here().file, p.here().begin, p.span(p.ahead()).begin};
    p.remark(Code::kE0117, p.here(), "`alert` is a clause of the rule, not a step",
             "leave `then` out", Edit{word, ""});
    p.take();
    return false;
  }
  if (foreign_then(p)) return true;
  if (p.now().is(TokenKind::kComma)) {
    const Token& second = p.ahead();
    if (second.is(TokenKind::kName) && !is_keyword(second.text) && p.inside.groups == 0 &&
        p.after_condition) {
      p.fail(Code::kE0117, "a comma joins neither conditions nor steps", "",
             {"conditions are joined by `and`, steps by `then`"});
      return false;
    }
    if (second.is(TokenKind::kName) && !is_keyword(second.text) && p.inside.groups == 0) {
      p.remark(Code::kE0117, p.here(), "one step follows another with `then`", "write `then`",
               Edit{p.here(), " then"});
      p.take();
      return true;
    }
  }
  return p.accept("then");
}

tree::Absence parse_absence(ParseContext& p) {
  tree::Absence made;
  made.no_span = p.here();
  p.take();
  if (p.at("next")) {
    made.next = true;
    made.next_span = p.here();
    p.take();
  }
  made.kinds = parse_kinds(p);
  made.where = parse_where(p, &made.where_span);
  if (p.accept("for")) {
    made.for_span = p.last();
    made.absent_for = parse_duration(p, true);
  }
  late_for(p, made);
  made.span = p.since(made.no_span);
  return made;
}

std::optional<tree::Count> parse_count(ParseContext& p) {
  if (!p.at(TokenKind::kInt)) return std::nullopt;
  tree::Count made;
  const SourceSpan begin = p.here();
  made.min = *parse_integer(p, "a count");
  if (p.accept(TokenKind::kPlus)) {
    made.or_more = true;
  } else if (p.accept(TokenKind::kDotDot)) {
    if (auto most = parse_integer(p, "a whole number")) made.max = std::move(*most);
  } else if ((p.now().is(TokenKind::kMinus) || p.now().is("to")) && p.ahead().is(TokenKind::kInt)) {
    const SourceSpan mark{p.here().file, made.min.span.end, p.span(p.ahead()).begin};
    const std::string meant = fmt::format("{}..{}", made.min.text, p.ahead().text);
    p.remark(Code::kE0117, {mark.file, begin.begin, p.span(p.ahead()).end},
             "a range of counts is written with `..`", fmt::format("write `{}`", meant),
             Edit{mark, ".."});
    p.take();
    made.max = parse_integer(p, "a whole number");
  }
  if (p.at("next") || p.at("each")) {
    made.mode = p.now().is("next") ? tree::LoopWord::kNext : tree::LoopWord::kEach;
    made.mode_span = p.here();
    p.take();
  }
  if (p.at("greedy")) {
    made.greedy = true;
    made.greedy_span = p.here();
    p.take();
  }
  made.span = p.since(begin);
  return made;
}

void parse_step_group(ParseContext& p, tree::Step& step) {
  const SourceSpan begin = p.here();
  if (step.form == tree::StepForm::kGroup) {
    p.take();
    step.form_span = begin;
    ++p.inside.groups;
    step.patterns.push_back(parse_pattern(p));
    --p.inside.groups;
    close_bracket(p, TokenKind::kParenClose);
    return;
  }
  const NestingLevel level(p);
  if (!level.ok) return;
  p.take();
  p.take();
  step.form_span = p.since(begin);
  TokenKind closing = TokenKind::kBraceClose;
  if (p.now().is(TokenKind::kParenOpen) && !p.panicking()) {
    p.remark(Code::kE0117, p.here(),
             fmt::format("the choices of `{}` are written in braces", p.source(step.form_span)),
             "write `{ … }`");
    closing = TokenKind::kParenClose;
    p.take();
  } else if (!open_bracket(p, TokenKind::kBraceOpen)) {
    return;
  }
  ++p.inside.groups;
  const auto begins = [&] {
    return p.now().is(TokenKind::kInt) || p.now().is(TokenKind::kQuotedName) ||
           p.now().is("optional") || (p.now().is(TokenKind::kName) && !is_keyword(p.now().text));
  };
  if (step.form == tree::StepForm::kOneOf) {
    comma_list(
        p, closing, [&] { step.patterns.push_back(parse_pattern(p)); }, begins);
  } else {
    comma_list(
        p, closing, [&] { step.members.push_back(parse_step(p)); }, begins);
  }
  --p.inside.groups;
  if (step.form == tree::StepForm::kOneOf && p.accept("as")) step.as = parse_name(p, "a name");
}

void parse_step_kinds(ParseContext& p, tree::Step& step) {
  if (foreign_step(p, step)) return;
  // Words that are keywords here, so that a kind of such a name needs back-quotes.
  const bool reserved = is_any_of(p.now(), {"no", "optional", "next", "first", "within", "one",
                                            "all", "session", "tumbling"}) ||
                        (step.count && is_any_of(p.now(), {"each", "greedy"}));
  if (reserved) {
    const SourceSpan span = p.here();
    const std::string word = p.now().text;
    if (ends_block(p) || (p.ahead().is(TokenKind::kName) && !is_keyword(p.ahead().text)) ||
        p.ahead().is(TokenKind::kDuration) || word == "no") {
      p.fail(Code::kE0101, fmt::format("`{}` does not belong here", word), "",
             {word == "no" ? "an absence has no count and is not optional"
                           : "after `then` write `first` or `next`, then `within`, then the step"});
      return;
    }
    p.remark(Code::kE0124, span, fmt::format("`{}` is a keyword at the beginning of a step", word),
             "a kind of this name is written in back-quotes",
             Edit{span, fmt::format("`{}`", word)});
    step.kinds.refs.push_back({tree::KindForm::kNamed, {word, span, true}, span});
    step.kinds.span = span;
    p.take();
  } else if (p.now().is(TokenKind::kName) && p.ahead().is(TokenKind::kEqual)) {
    // Other languages name a step before it: `p=payment`.
    const SourceSpan begin = p.here();
    tree::Name as = parse_name(p, "a name");
    p.take();
    step.kinds = parse_kinds(p);
    if (p.panicking()) return;
    const SourceSpan whole = p.since(begin);
    std::string fixed;
    if (step.kinds.refs.size() == 1)
      fixed = fmt::format("{} as {}", step.kinds.refs[0].name.text, as.text);
    p.remark(Code::kE0117, whole, "a step's name is written after it",
             fixed.empty() ? std::string() : fmt::format("write `{}`", fixed),
             fixed.empty() ? std::nullopt : std::optional(Edit{whole, fixed}));
    step.as = std::move(as);
  } else {
    step.kinds = parse_kinds(p);
  }
  foreign_behind_kind(p, step);
  condition_behind_kind(p, step);
  if (p.accept("as")) {
    tree::Name as = parse_declared_name(p, "a name for the step");
    if (!step.as) step.as = std::move(as);
  }
  foreign_behind_kind(p, step);
  condition_behind_kind(p, step);
  if (p.now().is("and") && !p.panicking() && !p.ahead().is("then")) {
    const std::string own = p.own_kind(step.kinds.span);
    const bool absent = p.ahead().is("not") || p.ahead().is("no");
    const std::string other =
        is_any_of(p.ahead(), {"not", "no"}) ? p.ahead(2).text : p.ahead().text;
    p.fail(Code::kE0117, "steps are not joined by `and`", "",
           {absent ? fmt::format("`{} then no {} for 5m` waits for the absence of any", own, other)
                   : fmt::format("`{0} then {1}` for a sequence, `all of {{ {0}, {1} }}` for any "
                                 "order, `{0} or {1}` for either",
                                 own, other)});
  }
  missing_where(p, step);
  if (step.where && p.now().is("where") && !p.panicking()) {
    p.take();
    parse_expr(p);  // a second condition, behind one in brackets
  } else if (!step.where) {
    step.where = parse_where(p, &step.where_span);
  }
  late_as(p, step);
  p.after_condition = step.where != nullptr;
  if (p.accept("until")) {
    tree::Until until;
    const SourceSpan begin = p.last();
    until.kinds = parse_kinds(p);
    until.where = parse_where(p, &until.where_span);
    until.span = p.since(begin);
    step.until = std::move(until);
  }
}

tree::Step parse_step(ParseContext& p) {
  tree::Step made;
  p.after_condition = false;
  foreign_before_kind(p, made);
  foreign_article(p, made);
  const SourceSpan begin = p.here();
  if (p.at("optional")) {
    made.optional = p.here();
    p.take();
  }
  if (!made.count) made.count = parse_count(p);
  if (made.count && p.now().is("times") && p.ahead().is(TokenKind::kName) &&
      !is_keyword(p.ahead().text)) {
    p.remark(Code::kE0117, p.here(), "a count is a number before the kind", "leave it out",
             Edit{p.here(), ""});
    p.take();
  }
  const bool one = p.now().is("one") && p.ahead().is("of");
  const bool all = p.now().is("all") && p.ahead().is("of");
  if (one || all || p.now().is(TokenKind::kParenOpen)) {
    made.form = one   ? tree::StepForm::kOneOf
                : all ? tree::StepForm::kAllOf
                      : tree::StepForm::kGroup;
    parse_step_group(p, made);
  } else {
    p.note("a group");
    parse_step_kinds(p, made);
  }
  made.span = p.since(begin);
  return made;
}

tree::Element parse_element(ParseContext& p, bool first) {
  tree::Element made;
  const SourceSpan begin = p.here();
  const bool negated = (p.now().is(TokenKind::kBang) || is_any_of(p.now(), {"not", "NOT"})) &&
                       (p.ahead().is(TokenKind::kQuotedName) ||
                        (p.ahead().is(TokenKind::kName) && !is_keyword(p.ahead().text)));
  const bool misspelt = !first && p.now().is(TokenKind::kName) && !is_keyword(p.now().text) &&
                        p.ahead().is(TokenKind::kName) && !is_keyword(p.ahead().text) &&
                        !p.ahead().line_start && edit_distance(p.now().text, "no", 1) <= 1;
  if (p.now().is("no") || negated || misspelt) {
    if (misspelt) {
      p.remark(Code::kE0101, begin, fmt::format("expected `no`, found {}", p.found(p.now())),
               "did you mean `no`?", Edit{begin, "no"});
    } else if (negated) {
      p.remark(Code::kE0117, begin, fmt::format("an absence is not written {}", p.found(p.now())),
               "write `no`", Edit{begin, p.now().is(TokenKind::kBang) ? "no " : "no"});
    }
    tree::Absence absent = parse_absence(p);
    if (first && !p.panicking()) {
      p.remark(Code::kE0126, absent.no_span, "a pattern begins with an absence",
               "nothing comes before it", std::nullopt,
               {"begin with the step after which the events must be absent"});
      p.broken = true;
    }
    made.body = std::move(absent);
    return made;
  }
  if (!first) {
    if (p.now().is("next") || p.now().is("first")) {
      made.link = p.now().is("next") ? tree::Link::kThenNext : tree::Link::kThenFirst;
      made.link_span = p.here();
      p.take();
    } else {
      p.at("no");
      p.at("next");
      p.at("first");
    }
    if (p.at("within")) {
      made.within_span = p.here();
      p.take();
      made.within = parse_duration(p, true);
    }
  }
  made.body = parse_step(p);
  return made;
}
}  // namespace

tree::KindRef parse_kindref(ParseContext& p) {
  tree::KindRef ref;
  const SourceSpan begin = p.here();
  const bool then = p.now().is("then") && !p.panicking() &&
                    (p.ahead().is(TokenKind::kQuotedName) || p.ahead().is(TokenKind::kInt) ||
                     (p.ahead().is(TokenKind::kName) && !is_keyword(p.ahead().text)));
  const bool as = p.now().is("as") && !p.panicking() && p.ahead().is(TokenKind::kName) &&
                  !is_keyword(p.ahead().text);
  const bool joins = p.now().is("or") && !p.panicking() && p.ahead().is(TokenKind::kName) &&
                     !is_keyword(p.ahead().text);
  const bool where = p.now().is("where") && !p.panicking() &&
                     (p.ahead().is(TokenKind::kDecimal) || p.ahead().is(TokenKind::kInt) ||
                      (p.ahead().is(TokenKind::kName) && !is_keyword(p.ahead().text)));
  if (then || as || joins || where || begins_construct(p)) {
    // What follows begins here: nothing stands at this place.
    p.fail_expected("a kind of events");
    if (!p.abandoned) p.calm();
    ref.span = {begin.file, p.last().end, p.last().end};
    p.broken = true;
  } else if (p.now().is("alert")) {
    p.take();
    if (!begins_clause(p)) p.skip_doubled("alert");
    ref.form = tree::KindForm::kAlert;
    ref.name = parse_name(p, "the name of a rule");
  } else if (p.now().is("any")) {
    p.take();
    ref.form = tree::KindForm::kAnyAlert;
    p.expect("alert");
  } else {
    ref.name = parse_name(p, "a kind of events");
  }
  ref.span = p.since(begin);
  return ref;
}

tree::Kinds parse_kinds(ParseContext& p) {
  tree::Kinds made;
  const SourceSpan begin = p.here();
  do {
    tree::KindRef ref = parse_kindref(p);
    if (!ref.name.text.empty() || ref.form == tree::KindForm::kAnyAlert)
      made.refs.push_back(std::move(ref));
    if (p.now().is(TokenKind::kBar) && !p.panicking()) {
      p.remark(Code::kE0101, p.here(), "expected `or`, found `|`", "kinds are joined by `or`",
               Edit{p.here(), "or"});
      p.read_as(TokenKind::kName);
      p.read_as("or");
    }
  } while (p.accept("or"));
  made.span = p.since(begin);
  return made;
}

tree::Pattern parse_pattern(ParseContext& p) {
  tree::Pattern made;
  const NestingLevel level(p);
  const SourceSpan begin = p.here();
  made.span = begin;
  if (!level.ok) return made;
  const std::size_t base = p.brackets.count();
  made.elements.push_back(parse_element(p, true));
  for (;;) {
    if (p.panicking() && !resume_then(p, base)) break;
    if (!accept_then(p)) break;
    const SourceSpan then = p.last();
    tree::Element next = parse_element(p, false);
    next.then_span = then;
    made.elements.push_back(std::move(next));
  }
  made.span = p.since(begin);
  return made;
}

std::optional<tree::EventWindow> parse_event_window(ParseContext& p) {
  const bool session = p.now().is("session") && p.ahead().is("of");
  const bool tumbling =
      p.now().is("tumbling") && (p.ahead().is(TokenKind::kDuration) ||
                                 p.ahead().is(TokenKind::kInt) || at_calendar_tumbling(p));
  if (!session && !tumbling) return std::nullopt;
  tree::EventWindow made;
  const SourceSpan begin = p.here();
  made.session = session;
  p.take();
  made.form_span = p.last();
  if (session) {
    p.take();
    made.kinds = parse_kinds(p);
    p.expect("gap");
    if (auto gap = parse_duration(p)) made.duration = std::move(*gap);
  } else {
    if (!p.now().is(TokenKind::kDuration) && !p.now().is(TokenKind::kInt)) {
      calendar_tumbling(p, made);
    } else if (auto length = parse_duration(p)) {
      made.duration = std::move(*length);
    }
    p.expect("of");
    made.kinds = parse_kinds(p);
  }
  if (p.now().is("where")) made.where = parse_where(p, &made.where_span);
  if (made.where && p.now().is("as") && !p.panicking()) {
    p.remark(Code::kE0101, p.here(), "the name of a window is written before its `where`", "");
  }
  if (p.expect("as")) made.as = parse_name(p, "a name for the window");
  if (!made.where) made.where = parse_where(p, &made.where_span);

  made.span = p.since(begin);
  return made;
}
}  // namespace tocsin::rules
