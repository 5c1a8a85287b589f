// Kinds, patterns and windows of events.
#include <fmt/format.h>

#include <algorithm>

#include "rules/syntax/parser_impl.h"
#include "rules/text/suggest.h"

namespace tocsin::rules {
namespace {
bool is_any_of(const Token& token, std::initializer_list<std::string_view> words) {
  return token.is(TokenKind::kName) && std::ranges::find(words, token.text) != words.end();
}
}  // namespace

tree::KindRef Parser::kindref() {
  tree::KindRef ref;
  const SourceSpan begin = here();
  const bool then = now().is("then") && !panic_ &&
                    (ahead().is(TokenKind::kQuotedName) || ahead().is(TokenKind::kInt) ||
                     (ahead().is(TokenKind::kName) && !is_keyword(ahead().text)));
  const bool as =
      now().is("as") && !panic_ && ahead().is(TokenKind::kName) && !is_keyword(ahead().text);
  const bool joins =
      now().is("or") && !panic_ && ahead().is(TokenKind::kName) && !is_keyword(ahead().text);
  const bool where = now().is("where") && !panic_ &&
                     (ahead().is(TokenKind::kDecimal) || ahead().is(TokenKind::kInt) ||
                      (ahead().is(TokenKind::kName) && !is_keyword(ahead().text)));
  if (then || as || joins || where || begins_anew()) {
    // What follows begins here: nothing stands at this place.
    fail_expected("a kind of events");
    if (!abandoned_) panic_ = false;
    ref.span = {begin.file, last_.end, last_.end};
    broken_ = true;
  } else if (now().is("alert")) {
    take();
    if (!begins_clause()) skip_doubled("alert");
    ref.form = tree::KindForm::kAlert;
    ref.name = name("the name of a rule");
  } else if (now().is("any")) {
    take();
    ref.form = tree::KindForm::kAnyAlert;
    expect("alert");
  } else {
    ref.name = name("a kind of events");
  }
  ref.span = since(begin);
  return ref;
}

tree::Kinds Parser::kinds() {
  tree::Kinds made;
  const SourceSpan begin = here();
  do {
    tree::KindRef ref = kindref();
    if (!ref.name.text.empty() || ref.form == tree::KindForm::kAnyAlert)
      made.refs.push_back(std::move(ref));
    if (now().is(TokenKind::kBar) && !panic_) {
      remark(Code::kE0101, here(), "expected `or`, found `|`", "kinds are joined by `or`",
             Edit{here(), "or"});
      now_->kind = TokenKind::kName;
      now_->text = "or";
    }
  } while (accept("or"));
  made.span = since(begin);
  return made;
}

// `then`, or what other languages have for it.
bool Parser::accept_then() {
  if (now().is("then") && !panic_ && ahead().is("alert") && ahead(2).is(TokenKind::kString)) {
    const SourceSpan word{here().file, here().begin, lexer_.span(ahead()).begin};
    remark(Code::kE0117, here(), "`alert` is a clause of the rule, no step", "leave `then` out",
           Edit{word, ""});
    take();
    return false;
  }
  if (foreign_then()) return true;
  if (now().is(TokenKind::kComma)) {
    const Token& second = ahead();
    if (second.is(TokenKind::kName) && !is_keyword(second.text) && nesting_patterns_ == 0 &&
        after_condition_) {
      fail(Code::kE0117, "a comma joins neither conditions nor steps", "",
           {"conditions are joined by `and`, steps by `then`"});
      return false;
    }
    if (second.is(TokenKind::kName) && !is_keyword(second.text) && nesting_patterns_ == 0) {
      remark(Code::kE0117, here(), "one step follows another with `then`", "write `then`",
             Edit{here(), " then"});
      take();
      return true;
    }
  }
  return accept("then");
}

tree::Pattern Parser::pattern() {
  tree::Pattern made;
  const Level level(*this);
  const SourceSpan begin = here();
  made.span = begin;
  if (!level.ok) return made;
  const std::size_t base = brackets();
  made.elements.push_back(element(true));
  for (;;) {
    if (panic_ && !resume_then(base)) break;
    if (!accept_then()) break;
    const SourceSpan then = last();
    tree::Element next = element(false);
    next.then_span = then;
    made.elements.push_back(std::move(next));
  }
  made.span = since(begin);
  return made;
}

tree::Element Parser::element(bool first) {
  tree::Element made;
  const SourceSpan begin = here();
  const bool negated = (now().is(TokenKind::kBang) || is_any_of(now(), {"not", "NOT"})) &&
                       (ahead().is(TokenKind::kQuotedName) ||
                        (ahead().is(TokenKind::kName) && !is_keyword(ahead().text)));
  const bool misspelt = !first && now().is(TokenKind::kName) && !is_keyword(now().text) &&
                        ahead().is(TokenKind::kName) && !is_keyword(ahead().text) &&
                        !ahead().line_start && edit_distance(now().text, "no", 1) <= 1;
  if (now().is("no") || negated || misspelt) {
    if (misspelt) {
      remark(Code::kE0101, begin, fmt::format("expected `no`, found {}", found(now())),
             "did you mean `no`?", Edit{begin, "no"});
    } else if (negated) {
      remark(Code::kE0117, begin, fmt::format("an absence is not written {}", found(now())),
             "write `no`", Edit{begin, now().is(TokenKind::kBang) ? "no " : "no"});
    }
    tree::Absence absent = absence();
    if (first && !panic_) {
      remark(Code::kE0126, absent.no_span, "a pattern begins with an absence",
             "nothing comes before it", std::nullopt,
             {"begin with the step after which the events must be absent"});
      broken_ = true;
    }
    made.body = std::move(absent);
    return made;
  }
  if (!first) {
    if (now().is("next") || now().is("first")) {
      made.link = now().is("next") ? tree::Link::kThenNext : tree::Link::kThenFirst;
      made.link_span = here();
      take();
    } else {
      at("no");
      at("next");
      at("first");
    }
    if (at("within")) {
      made.within_span = here();
      take();
      made.within = duration(true);
    }
  }
  made.body = step();
  return made;
}

tree::Absence Parser::absence() {
  tree::Absence made;
  made.no_span = here();
  take();
  if (at("next")) {
    made.next = true;
    made.next_span = here();
    take();
  }
  made.kinds = kinds();
  made.where = where(&made.where_span);
  if (accept("for")) {
    made.for_span = last();
    made.absent_for = duration(true);
  }
  late_for(made);
  made.span = since(made.no_span);
  return made;
}

std::optional<tree::Count> Parser::count() {
  if (!at(TokenKind::kInt)) return std::nullopt;
  tree::Count made;
  const SourceSpan begin = here();
  made.min = *integer("a count");
  if (accept(TokenKind::kPlus)) {
    made.or_more = true;
  } else if (accept(TokenKind::kDotDot)) {
    if (auto most = integer("a whole number")) made.max = std::move(*most);
  } else if ((now().is(TokenKind::kMinus) || now().is("to")) && ahead().is(TokenKind::kInt)) {
    const SourceSpan mark{here().file, made.min.span.end, lexer_.span(ahead()).begin};
    const std::string meant = fmt::format("{}..{}", made.min.text, ahead().text);
    remark(Code::kE0117, {mark.file, begin.begin, lexer_.span(ahead()).end},
           "a range of counts is written with `..`", fmt::format("write `{}`", meant),
           Edit{mark, ".."});
    take();
    made.max = integer("a whole number");
  }
  if (at("next") || at("each")) {
    made.mode = now().is("next") ? tree::LoopWord::kNext : tree::LoopWord::kEach;
    made.mode_span = here();
    take();
  }
  if (at("greedy")) {
    made.greedy = true;
    made.greedy_span = here();
    take();
  }
  made.span = since(begin);
  return made;
}

tree::Step Parser::step() {
  tree::Step made;
  after_condition_ = false;
  foreign_begin(made);
  foreign_article(made);
  const SourceSpan begin = here();
  if (at("optional")) {
    made.optional = here();
    take();
  }
  if (!made.count) made.count = count();
  if (made.count && now().is("times") && ahead().is(TokenKind::kName) &&
      !is_keyword(ahead().text)) {
    remark(Code::kE0117, here(), "a count is a number before the kind", "leave it out",
           Edit{here(), ""});
    take();
  }
  const bool one = now().is("one") && ahead().is("of");
  const bool all = now().is("all") && ahead().is("of");
  if (one || all || now().is(TokenKind::kParenOpen)) {
    made.form = one   ? tree::StepForm::kOneOf
                : all ? tree::StepForm::kAllOf
                      : tree::StepForm::kGroup;
    step_group(made);
  } else {
    note("a group");
    step_kinds(made);
  }
  made.span = since(begin);
  return made;
}

void Parser::step_group(tree::Step& step) {
  const SourceSpan begin = here();
  if (step.form == tree::StepForm::kGroup) {
    take();
    step.form_span = begin;
    ++nesting_patterns_;
    step.patterns.push_back(pattern());
    --nesting_patterns_;
    close(TokenKind::kParenClose);
    return;
  }
  const Level level(*this);
  if (!level.ok) return;
  take();
  take();
  step.form_span = since(begin);
  TokenKind closing = TokenKind::kBraceClose;
  if (now().is(TokenKind::kParenOpen) && !panic_) {
    remark(Code::kE0117, here(),
           fmt::format("what `{}` chooses from stands in braces", source(step.form_span)),
           "write `{ … }`");
    closing = TokenKind::kParenClose;
    take();
  } else if (!open(TokenKind::kBraceOpen)) {
    return;
  }
  ++nesting_patterns_;
  const auto begins = [this] {
    return now().is(TokenKind::kInt) || now().is(TokenKind::kQuotedName) || now().is("optional") ||
           (now().is(TokenKind::kName) && !is_keyword(now().text));
  };
  if (step.form == tree::StepForm::kOneOf) {
    comma_list(
        closing, [&] { step.patterns.push_back(pattern()); }, begins);
  } else {
    comma_list(
        closing, [&] { step.members.push_back(this->step()); }, begins);
  }
  --nesting_patterns_;
  if (step.form == tree::StepForm::kOneOf && accept("as")) step.as = name("a name");
}

void Parser::step_kinds(tree::Step& step) {
  if (foreign_step(step)) return;
  // Words that are keywords here, so that a kind of such a name needs back-quotes.
  const bool reserved = is_any_of(now(), {"no", "optional", "next", "first", "within", "one", "all",
                                          "session", "tumbling"}) ||
                        (step.count && is_any_of(now(), {"each", "greedy"}));
  if (reserved) {
    const SourceSpan span = here();
    const std::string word = now().text;
    if (ends_block() || (ahead().is(TokenKind::kName) && !is_keyword(ahead().text)) ||
        ahead().is(TokenKind::kDuration) || word == "no") {
      fail(Code::kE0101, fmt::format("`{}` does not belong here", word), "",
           {word == "no" ? "an absence has no count and is not optional"
                         : "after `then` comes `first` or `next`, then `within`, then the step"});
      return;
    }
    remark(Code::kE0124, span, fmt::format("`{}` is a keyword at the beginning of a step", word),
           "a kind of this name stands in back-quotes", Edit{span, fmt::format("`{}`", word)});
    step.kinds.refs.push_back({tree::KindForm::kNamed, {word, span, true}, span});
    step.kinds.span = span;
    take();
  } else if (now().is(TokenKind::kName) && ahead().is(TokenKind::kEqual)) {
    // Other languages name a step before it: `p=payment`.
    const SourceSpan begin = here();
    tree::Name as = name("a name");
    take();
    step.kinds = kinds();
    if (panic_) return;
    const SourceSpan whole = since(begin);
    std::string fixed;
    if (step.kinds.refs.size() == 1)
      fixed = fmt::format("{} as {}", step.kinds.refs[0].name.text, as.text);
    remark(Code::kE0117, whole, "a step is named behind it",
           fixed.empty() ? std::string() : fmt::format("write `{}`", fixed),
           fixed.empty() ? std::nullopt : std::optional(Edit{whole, fixed}));
    step.as = std::move(as);
  } else {
    step.kinds = kinds();
  }
  step_foreign(step);
  step_condition_behind(step);
  if (accept("as")) {
    tree::Name as = declared_name("a name for the step");
    if (!step.as) step.as = std::move(as);
  }
  step_foreign(step);
  step_condition_behind(step);
  if (now().is("and") && !panic_ && !ahead().is("then")) {
    const std::string own = own_kind(step.kinds.span);
    const bool absent = ahead().is("not") || ahead().is("no");
    const std::string other = is_any_of(ahead(), {"not", "no"}) ? ahead(2).text : ahead().text;
    fail(Code::kE0117, "steps are not joined by `and`", "",
         {absent ? fmt::format("`{} then no {} for 5m` waits that none comes", own, other)
                 : fmt::format("`{0} then {1}` for a sequence, `all of {{ {0}, {1} }}` for any "
                               "order, `{0} or {1}` for either",
                               own, other)});
  }
  step_missing_where(step);
  if (step.where && now().is("where") && !panic_) {
    take();
    expr();  // a second condition, behind one in brackets
  } else if (!step.where) {
    step.where = where(&step.where_span);
  }
  late_as(step);
  after_condition_ = step.where != nullptr;
  if (accept("until")) {
    tree::Until until;
    const SourceSpan begin = last();
    until.kinds = kinds();
    until.where = where(&until.where_span);
    until.span = since(begin);
    step.until = std::move(until);
  }
}

// `payment amount > 200`: a condition without its word.
void Parser::step_missing_where(const tree::Step& step) {
  if (panic_ || !now().is(TokenKind::kName) || now().line_start || is_keyword(now().text)) return;
  const TokenKind second = ahead().kind;
  const bool compares = second == TokenKind::kEqual || second == TokenKind::kNotEqual ||
                        second == TokenKind::kLess || second == TokenKind::kLessEqual ||
                        second == TokenKind::kGreater || second == TokenKind::kGreaterEqual;
  if (!compares) return;
  const SourceSpan place{here().file, here().begin, here().begin};
  remark(Code::kE0101, here(), "the word `where` is missing before the condition", "",
         Edit{place, "where "},
         {fmt::format("write `{} where {} …`", own_kind(step.kinds.span), now().text)});
  if (now_) ahead_.push_front(*now_);
  now_->kind = TokenKind::kName;  // read on as if the word stood there
  now_->text = "where";
}

// What other languages write before a kind: `every payment`, `at least 3 payment`, `>= 3 payment`,
// `[payment where amount > 3]`.
void Parser::foreign_begin(tree::Step& step) {
  if (panic_) return;
  const SourceSpan span = here();
  const auto is_kind = [&](const Token& token) {
    return token.is(TokenKind::kQuotedName) ||
           (token.is(TokenKind::kName) && !is_keyword(token.text));
  };
  if (now().is(TokenKind::kName) && lowered(now().text) == "every" &&
      (is_kind(ahead()) || ahead().is(TokenKind::kParenOpen))) {
    remark(Code::kE0117, span, "`every` before a step means nothing", "leave it out",
           Edit{{span.file, span.begin, lexer_.span(ahead()).begin}, ""},
           {"every event may begin a match; `once per 1h` holds repeated alerts back"});
    take();
    return;
  }
  const bool sequence =
      now().is(TokenKind::kName) && lowered(now().text) == "sequence" &&
      (ahead().is("by") || ahead().is("with") || ahead().is(TokenKind::kBracketOpen));
  if (sequence) {
    fail(Code::kE0117, fmt::format("the language has no `{}`", now().text), "",
         {"steps stand with `then` between them; the key is the rule's clause `by card`, the time "
          "its "
          "`within 10m`"});
    panic_ = false;
    const MistakeCounter::Quiet quiet(mistakes_);
    do {
      skip_one();
    } while (!now().is(TokenKind::kEnd) && !now().line_start);
    panic_ = true;
    return;
  }
  if (now().is(TokenKind::kBracketOpen)) {
    fail(Code::kE0117, "steps do not stand in square brackets", "",
         {"write `login where ok then payment where amount > 200`"});
    return;
  }
  const bool words = now().is("at") && (ahead().is("least") || ahead().is("most"));
  const bool most = words && ahead().is("most");
  const bool mark = now().is(TokenKind::kGreaterEqual) || now().is(TokenKind::kGreater);
  const Token& number = ahead(words ? 2 : 1);
  if ((!words && !mark) || !number.is(TokenKind::kInt) || number.bad) return;
  const SourceSpan whole{span.file, span.begin, lexer_.span(number).end};
  const auto value = static_cast<std::int64_t>(number.value.number);
  const std::int64_t low = now().is(TokenKind::kGreater) ? value + 1 : value;
  const std::string meant = most ? fmt::format("1..{}", value) : fmt::format("{}+", low);
  remark(Code::kE0117, whole, "a count is a number before the kind",
         fmt::format("write `{}`", meant), Edit{whole, meant});
  take();
  if (words) take();
  tree::Count count;
  count.min = {most ? 1 : low, whole, std::to_string(most ? 1 : low)};
  if (most) count.max = tree::IntLiteral{value, whole, std::to_string(value)};
  count.or_more = !most;
  count.span = whole;
  take();
  step.count = std::move(count);
}

// What other languages write directly behind a kind: `payment+`, `payment{3}`, `payment.amount`.
void Parser::step_foreign(const tree::Step& step) {
  if (panic_) return;
  const Token& token = now();
  const SourceSpan span = here();
  const std::string own = own_kind(step.kinds.span);
  if (token.is(TokenKind::kStar) && ahead().is(TokenKind::kInt)) {
    fail(Code::kE0117, "a count stands before the kind", "",
         {fmt::format("write `{} {}`", ahead().text, own)});
  } else if (token.is(TokenKind::kPlus) || token.is(TokenKind::kStar) ||
             token.is(TokenKind::kQuestion)) {
    const std::string_view meant = token.is(TokenKind::kPlus)   ? "1+"
                                   : token.is(TokenKind::kStar) ? "0+"
                                                                : "optional";
    remark(Code::kE0117, span, fmt::format("{} behind a step means nothing", found(token)),
           "how often stands before the kind", std::nullopt,
           {fmt::format("write `{} {}`", meant, own)});
    broken_ = true;
    take();
  } else if (token.is(TokenKind::kDot)) {
    fail(Code::kE0117, "a step is a kind of events, no field", "",
         {fmt::format("a condition stands behind `where`: `{} where {} …`", own, ahead().text)});
  } else if ((token.is(TokenKind::kInt) && ahead().is("times")) || token.is("repeated")) {
    fail(Code::kE0117, "a count stands before the kind", "",
         {fmt::format("write `{} {}`", token.is("repeated") ? "3" : token.text, own)});
  } else if (token.is(TokenKind::kBraceOpen) && ahead().is(TokenKind::kInt)) {
    fail(Code::kE0117, "a count in braces behind a step", "how often stands before the kind",
         {fmt::format("write `{0} {1}`, `{0}+ {1}` or `{0}..{2} {1}`", ahead().text, own,
                      ahead().value.number + 2)});
  }
}

std::optional<tree::EventWindow> Parser::event_window() {
  const bool session = now().is("session") && ahead().is("of");
  const bool tumbling =
      now().is("tumbling") &&
      (ahead().is(TokenKind::kDuration) || ahead().is(TokenKind::kInt) || at_calendar_tumbling());
  if (!session && !tumbling) return std::nullopt;
  tree::EventWindow made;
  const SourceSpan begin = here();
  made.session = session;
  take();
  made.form_span = last();
  if (session) {
    take();
    made.kinds = kinds();
    expect("gap");
    if (auto gap = duration()) made.duration = std::move(*gap);
  } else {
    if (!now().is(TokenKind::kDuration) && !now().is(TokenKind::kInt)) {
      calendar_tumbling(made);
    } else if (auto length = duration()) {
      made.duration = std::move(*length);
    }
    expect("of");
    made.kinds = kinds();
  }
  if (now().is("where")) made.where = where(&made.where_span);
  if (made.where && now().is("as") && !panic_) {
    remark(Code::kE0101, here(), "the name of a window stands before its `where`", "");
  }
  if (expect("as")) made.as = name("a name for the window");
  if (!made.where) made.where = where(&made.where_span);

  made.span = since(begin);
  return made;
}
}  // namespace tocsin::rules
