// Habits of other languages in patterns: how steps are joined, counted and conditioned elsewhere.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "rules/syntax/parser_impl.h"

namespace tocsin::rules {
namespace {
bool is_kind_name(const Token& token) {
  return token.is(TokenKind::kQuotedName) ||
         (token.is(TokenKind::kName) && !is_keyword(token.text));
}
bool is_word(const Token& token, std::string_view small) {
  return token.is(TokenKind::kName) && lowered(token.text) == small;
}
bool compares(TokenKind kind) {
  return kind == TokenKind::kEqual || kind == TokenKind::kNotEqual || kind == TokenKind::kLess ||
         kind == TokenKind::kLessEqual || kind == TokenKind::kGreater ||
         kind == TokenKind::kGreaterEqual;
}
}  // namespace

// What other languages write for `then` and `then no`; true where that is passed, or made of it.
bool Parser::foreign_then() {
  if (panic_) return false;
  const SourceSpan begin = here();
  const auto pass = [&](std::size_t count, std::string_view meant) {
    const SourceSpan whole{begin.file, begin.begin,
                           lexer_.span(count == 1 ? now() : ahead(count - 1)).end};
    remark(Code::kE0117, whole,
           meant == "then" ? "one step follows another with `then`"
                           : "that nothing follows is said by `then no`",
           fmt::format("write `{}`", meant), Edit{whole, std::string(meant)});
    const std::size_t taken = meant == "then" ? count : count - 1;
    for (std::size_t i = 0; i < taken; ++i) take();
    if (meant == "then") return true;
    now_->kind = TokenKind::kName;  // read on as if the word stood there
    now_->text = "no";
    return true;
  };
  if (now().is(TokenKind::kName)) {
    const bool not_first = is_word(now(), "not");
    if (not_first && is_word(ahead(), "followed") && is_word(ahead(2), "by"))
      return pass(3, "then no");
    if (is_word(now(), "notfollowedby") || is_word(now(), "not_followed_by"))
      return pass(1, "then no");
    if (is_word(now(), "followed") && is_word(ahead(), "by")) return pass(2, "then");
    if (now().is("and") && ahead().is("then")) return pass(2, "then");
    if (is_word(now(), "followedby") || is_word(now(), "followed_by") || now().is("next_then"))
      return pass(1, "then");
    if (is_word(now(), "before") && is_kind_name(ahead())) return pass(1, "then");
    return false;
  }
  // `login < transfer`, `login >> transfer`, `login => transfer`
  const bool mark = now().is(TokenKind::kLess) || now().is(TokenKind::kGreater) ||
                    now().is(TokenKind::kGreaterEqual);
  if (!mark) return false;
  const bool two = ahead().is(now().kind) && ahead().begin == now().end;
  const Token& kind = ahead(two ? 2 : 1);
  if (!is_kind_name(kind) && !kind.is(TokenKind::kInt) && !kind.is("no")) return false;
  if (now().end - now().begin == 2 && source(begin) == "=>") {
    take();  // the lexer has told
    return true;
  }
  return pass(two ? 2 : 1, "then");
}

// `a payment`, `any of {…}`, `more than 3 payment`, `exactly 3 payment`.
void Parser::foreign_article(tree::Step& step) {
  if (panic_ || !now().is(TokenKind::kName)) return;
  const SourceSpan span = here();
  constexpr std::array<std::string_view, 7> kArticles = {"a",      "an",   "the",    "any",
                                                         "either", "some", "exactly"};
  const std::string small = lowered(now().text);
  const bool article = std::ranges::find(kArticles, small) != kArticles.end();
  if (small == "any" && ahead().is("of") &&
      (ahead(2).is(TokenKind::kBraceOpen) || ahead(2).is(TokenKind::kParenOpen))) {
    remark(Code::kE0117, span, "alternatives are not written `any of`", "write `one`",
           Edit{span, "one"});
    now_->text = "one";
    return;
  }
  const bool before_step = is_kind_name(ahead()) ||
                           (small == "exactly" && ahead().is(TokenKind::kInt)) ||
                           (ahead().is("alert") && small != "any" && ahead(2).is(TokenKind::kName));
  if (article && before_step && !ahead().line_start) {
    remark(Code::kE0117, span, fmt::format("`{}` before a step means nothing", now().text),
           "leave it out", Edit{{span.file, span.begin, lexer_.span(ahead()).begin}, ""});
    take();
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
    if (!is_word(now(), bound.first) || !is_word(ahead(), bound.second)) continue;
    const Token& number = ahead(2);
    if (!number.is(TokenKind::kInt) || number.bad) return;
    const std::int64_t value = static_cast<std::int64_t>(number.value.number) + bound.more;
    if (value < 1) return;
    const std::string meant = bound.most ? fmt::format("1..{}", value) : fmt::format("{}+", value);
    const SourceSpan whole{span.file, span.begin, lexer_.span(number).end};
    remark(Code::kE0117, whole, "a count is a number before the kind",
           fmt::format("write `{}`", meant), Edit{whole, meant});
    tree::Count count;
    count.min = {bound.most ? 1 : value, whole, std::to_string(bound.most ? 1 : value)};
    if (bound.most) count.max = tree::IntLiteral{value, whole, std::to_string(value)};
    count.or_more = !bound.most;
    count.span = whole;
    take();
    take();
    take();
    step.count = std::move(count);
    return;
  }
}

// What stands where a kind of events does, and is a condition.
bool Parser::foreign_step(tree::Step& step) {
  if (panic_ || !now().is(TokenKind::kName)) return false;
  const SourceSpan begin = here();
  const TokenKind second = ahead().kind;
  const auto rest_of_line = [&] {
    const std::string_view text = lexer_.text().text.substr(0, begin.begin + 100);
    std::size_t end = begin.begin;
    constexpr std::string_view kEnds[] = {" then ", " within ",  " having ",  " alert ",
                                          " once ", " without ", " at most ", "\n",
                                          "\r",     "#",         "}"};
    std::size_t least = text.size();
    for (const std::string_view word : kEnds) least = std::min(least, text.find(word, end));
    end = least;
    while (end > begin.begin && text[end - 1] == ' ') --end;
    return in_message_ ? std::string()
                       : source({begin.file, begin.begin, static_cast<std::uint32_t>(end)});
  };
  if (aggregate_named(now().text) && second == TokenKind::kParenOpen) {
    const std::string condition = rest_of_line();
    const std::string_view text = lexer_.text().text;
    const std::size_t inside = ahead().end;
    std::size_t end = inside;
    while (end < text.size() && in_name(text[end])) ++end;
    const std::string kind =
        own_kind({begin.file, static_cast<std::uint32_t>(inside), static_cast<std::uint32_t>(end)});
    fail(Code::kE0117, "an aggregate is no step", "a step is a kind of events",
         {fmt::format("several events are a loop: `3+ {0}`; over a window it is `{0} where "
                      "count({0}) over last 1h > 3`",
                      kind)});
    return true;
  }
  const bool condition = compares(second) && second != TokenKind::kEqual &&
                         (is_literal(ahead(2).kind) || second == TokenKind::kNotEqual);
  const bool equals = second == TokenKind::kEqual && is_literal(ahead(2).kind);
  if ((!condition && !equals) || step.as) return false;
  const std::string written = rest_of_line();
  fail(Code::kE0117, "a condition where a kind of events is needed", "",
       {written.empty() ? std::string("name the events before it: `payment where …`")
                        : fmt::format("name the events before it: `payment where {}`", written)});
  return true;
}

// `payment[amount > 3]`, `payment(amount > 3)`, `payment { amount > 3 }`, `payment: amount > 3`,
// `payment if amount > 3`: the condition is read.
void Parser::step_condition_behind(tree::Step& step) {
  if (panic_ || step.where) return;
  const SourceSpan begin = here();
  const TokenKind kind = now().kind;
  const bool word = (is_word(now(), "if") || is_word(now(), "with") || is_word(now(), "whose")) &&
                    (is_kind_name(ahead()) || ahead().is("not")) && !is_word(ahead(), "maxspan");
  const bool colon = kind == TokenKind::kColon;
  const bool bracket = kind == TokenKind::kBracketOpen || kind == TokenKind::kParenOpen ||
                       kind == TokenKind::kBraceOpen;
  if (!word && !colon && !bracket) return;
  const std::string own = own_kind(step.kinds.span);
  if (bracket && !is_kind_name(ahead()) && !ahead().is("not") && !is_literal(ahead().kind)) {
    fail(Code::kE0117, "a condition in brackets behind a step", "a condition stands behind `where`",
         {fmt::format("write `{} where …`", own)});
    return;
  }
  take();
  const std::size_t base = brackets();
  tree::ExprPtr made = expr();
  while (bracket && now().is(TokenKind::kComma) && !panic_) {  // Esper's `and`
    const SourceSpan comma = here();
    take();
    made = binary(tree::ExprKind::kAnd, comma, std::move(made), neg());
  }
  const std::string condition = source(since(made->span));
  if (bracket && !panic_) {
    close(kind == TokenKind::kBracketOpen ? TokenKind::kBracketClose
          : kind == TokenKind::kParenOpen ? TokenKind::kParenClose
                                          : TokenKind::kBraceClose);
  }
  if (panic_ && brackets() < base) return;
  Diagnostic diagnostic;
  diagnostic.code = Code::kE0117;
  diagnostic.message = bracket ? "a condition in brackets behind a step"
                               : fmt::format("a condition does not stand behind {}",
                                             colon ? "`:`" : "`" + source(begin) + "`");
  diagnostic.primary = {begin, "a condition stands behind `where`"};
  diagnostic.helps.push_back(condition.empty()
                                 ? fmt::format("write `{} where …`", own)
                                 : fmt::format("write `{} where {}`", own, condition));
  if (word) diagnostic.edit = Edit{begin, "where"};
  if (colon) diagnostic.edit = Edit{begin, " where"};
  if (bracket && !condition.empty() && !panic_) {
    diagnostic.edit = Edit{since(begin), fmt::format(" where {}", condition)};
  }
  report(std::move(diagnostic));
  step.where = std::move(made);
  step.where_span = begin;
}
}  // namespace tocsin::rules
