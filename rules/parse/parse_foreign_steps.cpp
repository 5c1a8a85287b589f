// Habits of other languages in patterns: how steps are joined, counted and conditioned elsewhere.
#include "rules/parse/parse_foreign_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "rules/parse/grammar.h"
#include "rules/parse/lexemes.h"
#include "rules/parse/make_expr.h"
#include "rules/parse/parse_foreign.h"
#include "rules/parse/recovery.h"
#include "rules/syntax/keywords.h"
#include "rules/text/characters.h"

namespace tocsin::rules {
namespace {
bool compares(TokenKind kind) {
  return kind == TokenKind::kEqual || kind == TokenKind::kNotEqual || kind == TokenKind::kLess ||
         kind == TokenKind::kLessEqual || kind == TokenKind::kGreater ||
         kind == TokenKind::kGreaterEqual;
}
}  // namespace

void missing_where(ParseContext& p, const tree::Step& step) {
  if (p.panicking() || !p.now().is(TokenKind::kName) || p.now().line_start ||
      is_keyword(p.now().text))
    return;
  const TokenKind second = p.ahead().kind;
  const bool compares = second == TokenKind::kEqual || second == TokenKind::kNotEqual ||
                        second == TokenKind::kLess || second == TokenKind::kLessEqual ||
                        second == TokenKind::kGreater || second == TokenKind::kGreaterEqual;
  if (!compares) return;
  const SourceSpan place{p.here().file, p.here().begin, p.here().begin};
  p.remark(Code::kE0101, p.here(), "the word `where` is missing before the condition", "",
           Edit{place, "where "},
           {fmt::format("write `{} where {} …`", p.own_kind(step.kinds.span), p.now().text)});
  p.insert_word("where");
}

void foreign_before_kind(ParseContext& p, tree::Step& step) {
  if (p.panicking()) return;
  const SourceSpan span = p.here();
  const auto is_kind = [&](const Token& token) {
    return token.is(TokenKind::kQuotedName) ||
           (token.is(TokenKind::kName) && !is_keyword(token.text));
  };
  if (p.now().is(TokenKind::kName) && lowered(p.now().text) == "every" &&
      (is_kind(p.ahead()) || p.ahead().is(TokenKind::kParenOpen))) {
    p.remark(Code::kE0117, span, "`every` before a step means nothing", "leave it out",
             Edit{{span.file, span.begin, p.span(p.ahead()).begin}, ""},
             {"every event may begin a match; `once per 1h` suppresses repeated alerts"});
    p.take();
    return;
  }
  const bool sequence =
      p.now().is(TokenKind::kName) && lowered(p.now().text) == "sequence" &&
      (p.ahead().is("by") || p.ahead().is("with") || p.ahead().is(TokenKind::kBracketOpen));
  if (sequence) {
    p.fail(Code::kE0117, fmt::format("the language has no `{}`", p.now().text), "",
           {"steps are written with `then` between them; the key is the rule's clause `by card`, "
            "the time its `within 10m`"});
    p.calm();
    const MistakeCounter::Quiet quiet(p.mistakes());
    do {
      skip_one(p);
    } while (!p.now().is(TokenKind::kEnd) && !p.now().line_start);
    p.panic();
    return;
  }
  if (p.now().is(TokenKind::kBracketOpen)) {
    p.fail(Code::kE0117, "steps are not written in square brackets", "",
           {"write `login where ok then payment where amount > 200`"});
    return;
  }
  const bool words = p.now().is("at") && (p.ahead().is("least") || p.ahead().is("most"));
  const bool most = words && p.ahead().is("most");
  const bool mark = p.now().is(TokenKind::kGreaterEqual) || p.now().is(TokenKind::kGreater);
  const Token& number = p.ahead(words ? 2 : 1);
  if ((!words && !mark) || !number.is(TokenKind::kInt) || number.bad) return;
  const SourceSpan whole{span.file, span.begin, p.span(number).end};
  const auto value = static_cast<std::int64_t>(number.value.number);
  const std::int64_t low = p.now().is(TokenKind::kGreater) ? value + 1 : value;
  const std::string meant = most ? fmt::format("1..{}", value) : fmt::format("{}+", low);
  p.remark(Code::kE0117, whole, "a count is a number before the kind",
           fmt::format("write `{}`", meant), Edit{whole, meant});
  p.take();
  if (words) p.take();
  tree::Count count;
  count.min = {most ? 1 : low, whole, std::to_string(most ? 1 : low)};
  if (most) count.max = tree::IntLiteral{value, whole, std::to_string(value)};
  count.or_more = !most;
  count.span = whole;
  p.take();
  step.count = std::move(count);
}

void foreign_behind_kind(ParseContext& p, const tree::Step& step) {
  if (p.panicking()) return;
  const Token& token = p.now();
  const SourceSpan span = p.here();
  const std::string own = p.own_kind(step.kinds.span);
  if (token.is(TokenKind::kStar) && p.ahead().is(TokenKind::kInt)) {
    p.fail(Code::kE0117, "a count is written before the kind", "",
           {fmt::format("write `{} {}`", p.ahead().text, own)});
  } else if (token.is(TokenKind::kPlus) || token.is(TokenKind::kStar) ||
             token.is(TokenKind::kQuestion)) {
    const std::string_view meant = token.is(TokenKind::kPlus)   ? "1+"
                                   : token.is(TokenKind::kStar) ? "0+"
                                                                : "optional";
    p.remark(Code::kE0117, span, fmt::format("{} after a step has no meaning", p.found(token)),
             "the count is written before the kind", std::nullopt,
             {fmt::format("write `{} {}`", meant, own)});
    p.broken = true;
    p.take();
  } else if (token.is(TokenKind::kDot)) {
    p.fail(Code::kE0117, "a step is a kind of events, not a field", "",
           {fmt::format("a condition is written after `where`: `{} where {} …`", own,
                        p.ahead().text)});
  } else if ((token.is(TokenKind::kInt) && p.ahead().is("times")) || token.is("repeated")) {
    p.fail(Code::kE0117, "a count is written before the kind", "",
           {fmt::format("write `{} {}`", token.is("repeated") ? "3" : token.text, own)});
  } else if (token.is(TokenKind::kBraceOpen) && p.ahead().is(TokenKind::kInt)) {
    p.fail(Code::kE0117, "a count in braces after a step", "the count is written before the kind",
           {fmt::format("write `{0} {1}`, `{0}+ {1}` or `{0}..{2} {1}`", p.ahead().text, own,
                        p.ahead().value.number + 2)});
  }
}

void late_as(ParseContext& p, tree::Step& step) {
  if (p.panicking() || !p.now().is("as") || !step.where) return;
  const SourceSpan word = p.here();
  const std::string condition = p.source({word.file, step.where_span.begin, p.last().end});
  p.take();
  tree::Name as = parse_name(p, "a name for the step");
  if (p.panicking()) return;
  const SourceSpan whole{word.file, step.where_span.begin, p.last().end};
  p.remark(Code::kE0101, p.since(word), "the name of a step is written before its `where`",
           condition.empty() ? fmt::format("write `as {} where …`", as.text)
                             : fmt::format("write `as {} {}`", as.text, condition),
           condition.empty()
               ? std::nullopt
               : std::optional(Edit{whole, fmt::format("as {} {}", as.text, condition)}));
  if (!step.as) step.as = std::move(as);
}

void late_for(ParseContext& p, tree::Absence& absence) {
  constexpr std::array<std::string_view, 3> kWords = {"in", "during", "over"};
  if (absence.absent_for || !is_any_word(p.now(), kWords) || !p.ahead().is(TokenKind::kDuration))
    return;
  p.remark(Code::kE0117, p.here(),
           fmt::format("`{}` does not give the length of an absence", p.now().text), "write `for`",
           Edit{p.here(), "for"});
  p.take();
  absence.for_span = p.last();
  absence.absent_for = parse_duration(p, true);
}

bool foreign_then(ParseContext& p) {
  if (p.panicking()) return false;
  const SourceSpan begin = p.here();
  const auto pass = [&](std::size_t count, std::string_view meant) {
    const SourceSpan whole{begin.file, begin.begin,
                           p.span(count == 1 ? p.now() : p.ahead(count - 1)).end};
    p.remark(Code::kE0117, whole,
             meant == "then" ? "one step follows another with `then`"
                             : "an absence is written `then no`",
             fmt::format("write `{}`", meant), Edit{whole, std::string(meant)});
    const std::size_t taken = meant == "then" ? count : count - 1;
    for (std::size_t i = 0; i < taken; ++i) p.take();
    if (meant == "then") return true;
    p.read_as(TokenKind::kName);  // read on as if the word stood there
    p.read_as("no");
    return true;
  };
  if (p.now().is(TokenKind::kName)) {
    const bool not_first = is_word(p.now(), "not");
    if (not_first && is_word(p.ahead(), "followed") && is_word(p.ahead(2), "by"))
      return pass(3, "then no");
    if (is_word(p.now(), "notfollowedby") || is_word(p.now(), "not_followed_by"))
      return pass(1, "then no");
    if (is_word(p.now(), "followed") && is_word(p.ahead(), "by")) return pass(2, "then");
    if (p.now().is("and") && p.ahead().is("then")) return pass(2, "then");
    if (is_word(p.now(), "followedby") || is_word(p.now(), "followed_by") ||
        p.now().is("next_then"))
      return pass(1, "then");
    if (is_word(p.now(), "before") && is_kind_name(p.ahead())) return pass(1, "then");
    return false;
  }
  // `login < transfer`, `login >> transfer`, `login => transfer`
  const bool mark = p.now().is(TokenKind::kLess) || p.now().is(TokenKind::kGreater) ||
                    p.now().is(TokenKind::kGreaterEqual);
  if (!mark) return false;
  const bool two = p.ahead().is(p.now().kind) && p.ahead().begin == p.now().end;
  const Token& kind = p.ahead(two ? 2 : 1);
  if (!is_kind_name(kind) && !kind.is(TokenKind::kInt) && !kind.is("no")) return false;
  if (p.now().end - p.now().begin == 2 && p.source(begin) == "=>") {
    p.take();  // the lexer has told
    return true;
  }
  return pass(two ? 2 : 1, "then");
}

void foreign_article(ParseContext& p, tree::Step& step) {
  if (p.panicking() || !p.now().is(TokenKind::kName)) return;
  const SourceSpan span = p.here();
  constexpr std::array<std::string_view, 7> kArticles = {"a",      "an",   "the",    "any",
                                                         "either", "some", "exactly"};
  const std::string small = lowered(p.now().text);
  const bool article = std::ranges::find(kArticles, small) != kArticles.end();
  if (small == "any" && p.ahead().is("of") &&
      (p.ahead(2).is(TokenKind::kBraceOpen) || p.ahead(2).is(TokenKind::kParenOpen))) {
    p.remark(Code::kE0117, span, "alternatives are not written `any of`", "write `one`",
             Edit{span, "one"});
    p.read_as("one");
    return;
  }
  const bool before_step =
      is_kind_name(p.ahead()) || (small == "exactly" && p.ahead().is(TokenKind::kInt)) ||
      (p.ahead().is("alert") && small != "any" && p.ahead(2).is(TokenKind::kName));
  if (article && before_step && !p.ahead().line_start) {
    p.remark(Code::kE0117, span, fmt::format("`{}` before a step means nothing", p.now().text),
             "leave it out", Edit{{span.file, span.begin, p.span(p.ahead()).begin}, ""});
    p.take();
    return;
  }
  struct Bound {
    std::string_view first, second;
    std::int64_t more;  // what is added to the number
    bool most;
  };
  static constexpr Bound kBounds[] = {{"more", "than", 1, false},
                                      {"less", "than", -1, true},
                                      {"fewer", "than", -1, true},
                                      {"up", "to", 0, true}};
  for (const Bound& bound : kBounds) {
    if (!is_word(p.now(), bound.first) || !is_word(p.ahead(), bound.second)) continue;
    const Token& number = p.ahead(2);
    if (!number.is(TokenKind::kInt) || number.bad) return;
    const std::int64_t value = static_cast<std::int64_t>(number.value.number) + bound.more;
    if (value < 1) return;
    const std::string meant = bound.most ? fmt::format("1..{}", value) : fmt::format("{}+", value);
    const SourceSpan whole{span.file, span.begin, p.span(number).end};
    p.remark(Code::kE0117, whole, "a count is a number before the kind",
             fmt::format("write `{}`", meant), Edit{whole, meant});
    tree::Count count;
    count.min = {bound.most ? 1 : value, whole, std::to_string(bound.most ? 1 : value)};
    if (bound.most) count.max = tree::IntLiteral{value, whole, std::to_string(value)};
    count.or_more = !bound.most;
    count.span = whole;
    p.take();
    p.take();
    p.take();
    step.count = std::move(count);
    return;
  }
}

bool foreign_step(ParseContext& p, tree::Step& step) {
  if (p.panicking() || !p.now().is(TokenKind::kName)) return false;
  const SourceSpan begin = p.here();
  const TokenKind second = p.ahead().kind;
  const auto rest_of_line = [&] {
    const std::string_view text = p.text().substr(0, begin.begin + 100);
    std::size_t end = begin.begin;
    constexpr std::string_view kEnds[] = {" then ", " within ",  " having ",  " alert ",
                                          " once ", " without ", " at most ", "\n",
                                          "\r",     "#",         "}"};
    std::size_t least = text.size();
    for (const std::string_view word : kEnds) least = std::min(least, text.find(word, end));
    end = least;
    while (end > begin.begin && text[end - 1] == ' ') --end;
    return p.in_message() ? std::string()
                          : p.source({begin.file, begin.begin, static_cast<std::uint32_t>(end)});
  };
  if (aggregate_named(p.now().text) && second == TokenKind::kParenOpen) {
    const std::string condition = rest_of_line();
    const std::string_view text = p.text();
    const std::size_t inside = p.ahead().end;
    std::size_t end = inside;
    while (end < text.size() && in_name(text[end])) ++end;
    const std::string kind = p.own_kind(
        {begin.file, static_cast<std::uint32_t>(inside), static_cast<std::uint32_t>(end)});
    p.fail(Code::kE0117, "an aggregate is not a step", "a step is a kind of events",
           {fmt::format("several events are a loop: `3+ {0}`; over a window it is `{0} where "
                        "count({0}) over last 1h > 3`",
                        kind)});
    return true;
  }
  const bool condition = compares(second) && second != TokenKind::kEqual &&
                         (is_literal(p.ahead(2).kind) || second == TokenKind::kNotEqual);
  const bool equals = second == TokenKind::kEqual && is_literal(p.ahead(2).kind);
  if ((!condition && !equals) || step.as) return false;
  const std::string written = rest_of_line();
  p.fail(Code::kE0117, "a condition where a kind of events is needed", "",
         {written.empty() ? std::string("name the events before it: `payment where …`")
                          : fmt::format("name the events before it: `payment where {}`", written)});
  return true;
}

void condition_behind_kind(ParseContext& p, tree::Step& step) {
  if (p.panicking() || step.where) return;
  const SourceSpan begin = p.here();
  const TokenKind kind = p.now().kind;
  const bool word =
      (is_word(p.now(), "if") || is_word(p.now(), "with") || is_word(p.now(), "whose")) &&
      (is_kind_name(p.ahead()) || p.ahead().is("not")) && !is_word(p.ahead(), "maxspan");
  const bool colon = kind == TokenKind::kColon;
  const bool bracket = kind == TokenKind::kBracketOpen || kind == TokenKind::kParenOpen ||
                       kind == TokenKind::kBraceOpen;
  if (!word && !colon && !bracket) return;
  const std::string own = p.own_kind(step.kinds.span);
  if (bracket && !is_kind_name(p.ahead()) && !p.ahead().is("not") && !is_literal(p.ahead().kind)) {
    p.fail(Code::kE0117, "a condition in brackets after a step",
           "a condition is written after `where`", {fmt::format("write `{} where …`", own)});
    return;
  }
  p.take();
  const std::size_t base = p.brackets.count();
  tree::ExprPtr made = parse_expr(p);
  while (bracket && p.now().is(TokenKind::kComma) && !p.panicking()) {  // Esper's `and`
    const SourceSpan comma = p.here();
    p.take();
    made = make_binary(p, tree::ExprKind::kAnd, comma, std::move(made), parse_negation(p));
  }
  const std::string condition = p.source(p.since(made->span));
  if (bracket && !p.panicking()) {
    close_bracket(p, kind == TokenKind::kBracketOpen ? TokenKind::kBracketClose
                     : kind == TokenKind::kParenOpen ? TokenKind::kParenClose
                                                     : TokenKind::kBraceClose);
  }
  if (p.panicking() && p.brackets.count() < base) return;
  Diagnostic diagnostic;
  diagnostic.code = Code::kE0117;
  diagnostic.message = bracket ? "a condition in brackets after a step"
                               : fmt::format("a condition cannot be written after {}",
                                             colon ? "`:`" : "`" + p.source(begin) + "`");
  diagnostic.primary = {begin, "a condition is written after `where`"};
  diagnostic.helps.push_back(condition.empty()
                                 ? fmt::format("write `{} where …`", own)
                                 : fmt::format("write `{} where {}`", own, condition));
  if (word) diagnostic.edit = Edit{begin, "where"};
  if (colon) diagnostic.edit = Edit{begin, " where"};
  if (bracket && !condition.empty() && !p.panicking()) {
    diagnostic.edit = Edit{p.since(begin), fmt::format(" where {}", condition)};
  }
  p.report(std::move(diagnostic));
  step.where = std::move(made);
  step.where_span = begin;
}
}  // namespace tocsin::rules
