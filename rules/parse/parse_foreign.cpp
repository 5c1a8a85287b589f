// Habits of other languages that are understood: each is reported with what to write here, and
// parsing goes on as if that stood there.
#include "rules/parse/parse_foreign.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "rules/parse/grammar.h"
#include "rules/parse/make_expr.h"
#include "rules/parse/recovery.h"
#include "rules/syntax/keywords.h"
#include "rules/text/characters.h"

namespace tocsin::rules {
using tree::ExprKind;
using tree::ExprPtr;

bool is_kind_name(const Token& token) {
  return token.is(TokenKind::kQuotedName) ||
         (token.is(TokenKind::kName) && !is_keyword(token.text));
}

bool is_word(const Token& token, std::string_view small) {
  return token.is(TokenKind::kName) && lowered(token.text) == small;
}

bool is_any_word(const Token& token, std::span<const std::string_view> words) {
  return token.is(TokenKind::kName) && std::ranges::find(words, lowered(token.text)) != words.end();
}

bool foreign_percent(ParseContext& p, const tree::Expr& left, SourceSpan op) {
  const bool of = p.now().is("of");
  if (p.panicking() || at_operand(p)) return false;
  const bool number = left.kind == ExprKind::kLiteral && !left.text.empty() && !of;
  p.remark(Code::kE0117, op, "`%` is the remainder of a division, no percentage",
           number ? std::string() : "no second operand follows", std::nullopt,
           {"a share is a fraction: `0.05` for five per cent"});
  p.broken = true;
  if (of) p.take();
  return true;
}

ExprPtr foreign_operand(ParseContext& p) {
  if (p.panicking() || !p.now().is(TokenKind::kName)) return nullptr;
  const SourceSpan begin = p.here();
  const std::string small = lowered(p.now().text);
  if (small == "case" && p.ahead().is(TokenKind::kName) && lowered(p.ahead().text) == "when") {
    p.remark(Code::kE0117, begin, fmt::format("the language has no `{}`", p.now().text), "",
             std::nullopt, {"write `(if declined then 1 else 0)`"});
    const MistakeCounter::Quiet quiet(p.mistakes());
    while (!p.now().is(TokenKind::kEnd) && !p.now().is(TokenKind::kBraceClose)) {
      const bool ends = p.now().is(TokenKind::kName) && lowered(p.now().text) == "end";
      skip_one(p);
      if (ends) break;
    }
    return error_expr(p, p.since(begin));
  }
  if (small == "cast" && p.ahead().is(TokenKind::kParenOpen)) {
    p.fail(Code::kE0117, "the language has no `cast`", "",
           {"numbers of all types compare with each other; text is never read as a number"});
    return error_expr(p, begin);
  }
  if (!p.in_message() && p.ahead().is(TokenKind::kColon) && p.ahead(2).is(TokenKind::kName) &&
      p.ahead(3).is(TokenKind::kParenOpen)) {
    const bool timer = small == "timer";
    p.fail(
        Code::kE0117, fmt::format("the language has no `{}:{}`", p.now().text, p.ahead(2).text), "",
        {timer ? "how long a match may take is the clause `within 5m`; a wait is `then no … for 5m`"
               : "a function is named by one word: `lower(merchant)`"});
    return error_expr(p, begin);
  }
  return nullptr;
}

void skip_where(ParseContext& p) {
  if (p.panicking() || !p.now().is("where") || at_operand(p)) return;
  const SourceSpan word{p.here().file, p.here().begin, p.span(p.ahead()).begin};
  p.remark(Code::kE0101, p.here(), "`where` stands once, before the whole condition",
           "leave it out", Edit{word, ""});
  p.take();
}

ExprPtr second_where(ParseContext& p, ExprPtr first) {
  const bool of_kinds = first->kind == ExprKind::kOr && !first->parenthesized &&
                        first->args.back()->kind == ExprKind::kName;
  const SourceSpan word = p.here();
  p.take();
  ExprPtr second = parse_expr(p);
  if (of_kinds) {
    const tree::Expr& kind = *first->args.back();
    std::string one = p.source({word.file, first->span.begin, kind.span.begin});
    one = one.substr(0, one.find_last_not_of(' ') + 1);
    if (one.ends_with(" or")) one.resize(one.size() - 3);
    const std::string other = p.source({word.file, kind.span.begin, p.last().end});
    p.remark(
        Code::kE0101, word, "a second `where` after one step", "", std::nullopt,
        {one.empty() || other.empty()
             ? std::string("kinds with conditions of their own are alternatives: `one of { … }`")
             : fmt::format("kinds with conditions of their own are alternatives: `one of {{ … "
                           "where {}, {} }}`",
                           one, other)});
  } else {
    p.remark(Code::kE0101, word, "a second `where` after one step", "write `and`",
             Edit{word, "and"});
  }
  return error_expr(p, p.since(first->span));
}

ExprPtr foreign_list(ParseContext& p) {
  const bool after_in =
      p.last_kind() == TokenKind::kName && (p.last_word() == "in" || p.last_word() == "of");
  if (p.panicking() || !after_in || !p.now().is(TokenKind::kBraceOpen)) return nullptr;
  if (!is_literal(p.ahead().kind) && !is_kind_name(p.ahead())) return nullptr;
  const NestingLevel level(p);
  const SourceSpan begin = p.here();
  if (!level.ok) return error_expr(p, begin);
  p.take();
  ExprPtr made = make_expr(p, ExprKind::kList, begin, begin);
  comma_list(
      p, TokenKind::kBraceClose, [&] { adopt(p, *made, parse_expr(p)); },
      [&] { return at_operand(p); });
  made->span = p.since(begin);
  const std::string items = p.source({begin.file, begin.end, made->span.end - 1});
  p.remark(
      Code::kE0117, begin, "a list of values is written in square brackets", "write `[…]`",
      items.empty() ? std::nullopt : std::optional(Edit{made->span, fmt::format("[{}]", items)}));
  return made;
}

ExprPtr foreign_method(ParseContext& p, const tree::Expr& member) {
  struct Method {
    std::string_view written;
    std::string_view meant;  // a function of the value, or an operator where it ends with a blank
  };
  static constexpr Method kMethods[] = {{"startswith", "starts with "},
                                        {"starts_with", "starts with "},
                                        {"endswith", "ends with "},
                                        {"ends_with", "ends with "},
                                        {"contains", "contains "},
                                        {"includes", "contains "},
                                        {"equals", "= "},
                                        {"equalsignorecase", "= "},
                                        {"matches", "matches "},
                                        {"lower", "lower"},
                                        {"tolower", "lower"},
                                        {"tolowercase", "lower"},
                                        {"upper", "upper"},
                                        {"toupper", "upper"},
                                        {"touppercase", "upper"},
                                        {"length", "length"},
                                        {"len", "length"},
                                        {"size", "length"},
                                        {"substring", "substring"},
                                        {"substr", "substring"},
                                        {"hour", "hour"},
                                        {"weekday", "weekday"},
                                        {"date", "date"},
                                        {"abs", "abs"},
                                        {"round", "round"}};
  const std::string value = p.source(member.args[0]->span);
  const std::string method = lowered(member.name.text);
  const SourceSpan paren = p.here();
  const SourceSpan begin = member.span;
  const OpenBrackets outside = p.brackets;
  std::string arguments;
  {
    const MistakeCounter::Quiet quiet(p.mistakes());
    p.take();
    const std::size_t base = p.brackets.count();
    const std::uint32_t from = p.last().end;
    std::uint32_t to = from;
    while (!p.current().is(TokenKind::kEnd) && !p.current().is(TokenKind::kBraceClose)) {
      const bool closes = p.current().is(TokenKind::kParenClose) && p.brackets.count() <= base;
      to = p.here().begin;
      skip_one(p);
      if (closes) break;
    }
    arguments = p.source({begin.file, from, to});
  }
  p.brackets = outside;
  const auto* known = std::ranges::find(kMethods, method, &Method::written);
  std::string meant;
  if (!value.empty() && aggregate_named(method)) {
    meant = arguments.empty() ? fmt::format("{}({})", method, value)
                              : fmt::format("{}({}.{})", method, value, arguments);
  } else if (value == "re" && !arguments.empty()) {
    const std::size_t comma = arguments.find(',');
    const std::size_t text =
        comma == std::string::npos ? comma : arguments.find_first_not_of(' ', comma + 1);
    if (text != std::string::npos) meant = arguments.substr(text) + " matches /…/";
  } else if (!value.empty() && known != std::end(kMethods)) {
    const bool function = !known->meant.ends_with(' ');
    meant = !function           ? fmt::format("{} {}{}", value, known->meant, arguments)
            : arguments.empty() ? fmt::format("{}({})", known->meant, value)
                                : fmt::format("{}({}, {})", known->meant, value, arguments);
  }
  p.remark(Code::kE0117, paren, "values have no functions of their own", "", std::nullopt,
           {meant.empty() ? std::string("write `merchant starts with \"x\"`, `merchant contains "
                                        "\"x\"`, `lower(merchant)`")
                          : fmt::format("write `{}`", meant)});
  return error_expr(p, p.since(begin));
}

bool foreign_by(ParseContext& p) {
  if (p.panicking() || !p.now().is(TokenKind::kName)) return false;
  const bool grouped =
      (is_word(p.now(), "group") || is_word(p.now(), "grouped") || is_word(p.now(), "partition")) &&
      is_word(p.ahead(), "by");
  const bool each = p.now().is("for") && is_word(p.ahead(), "each");
  const bool one = is_word(p.now(), "per") || is_word(p.now(), "for") || is_word(p.now(), "on");
  const std::size_t count = grouped || each ? 2 : 1;
  if ((!grouped && !each && !one) || !is_kind_name(p.ahead(count))) return false;
  const SourceSpan whole{p.here().file, p.here().begin,
                         p.span(count == 2 ? p.ahead() : p.now()).end};
  p.remark(Code::kE0117, whole, "the key of a feature is written after `by`", "write `by`",
           Edit{whole, "by"});
  p.take();
  if (count == 2) p.take();
  return true;
}

bool foreign_once(ParseContext& p) {
  constexpr std::array<std::string_view, 7> kWords = {"every", "in",  "a",     "an",
                                                      "each",  "for", "within"};
  if (p.panicking()) return false;
  if (p.now().is(TokenKind::kDuration)) {
    const SourceSpan place{p.here().file, p.here().begin, p.here().begin};
    p.remark(Code::kE0101, p.here(), fmt::format("expected `per` before {}", p.found(p.now())), "",
             Edit{place, "per "});
    return true;
  }
  if (!is_any_word(p.now(), kWords)) return false;
  const Token& next = p.ahead();
  struct Unit {
    std::string_view written, meant;
  };
  static constexpr Unit kUnits[] = {{"second", "1s"}, {"minute", "1m"}, {"hour", "1h"},
                                    {"day", "1d"},    {"week", "1w"},   {"month", "30d"}};
  const std::string word = next.is(TokenKind::kName) ? lowered(next.text) : std::string();
  const auto* unit = std::ranges::find(kUnits, word, &Unit::written);
  if (unit != std::end(kUnits)) {
    const SourceSpan whole{p.here().file, p.here().begin, p.span(next).end};
    const std::string meant = fmt::format("per {}", unit->meant);
    std::vector<std::string> helps;
    if (word == "day" || word == "week" || word == "month") {
      helps.push_back(
          fmt::format("a {0} of the calendar is `once per {0} in \"Europe/Berlin\"`", word));
    }
    p.remark(Code::kE0117, whole, fmt::format("expected `per`, found {}", p.found(p.now())),
             fmt::format("write `{}`", meant), Edit{whole, meant}, std::move(helps));
    p.take();
    p.read_as_duration(unit->meant);
    return true;
  }
  if (!next.is(TokenKind::kDuration) && !next.is(TokenKind::kInt)) return false;
  p.remark(Code::kE0117, p.here(), fmt::format("expected `per`, found {}", p.found(p.now())),
           "write `per`", Edit{p.here(), "per"});
  p.take();
  return true;
}

bool foreign_entry(ParseContext& p) {
  if (p.panicking() || !p.now().is(TokenKind::kString) || !p.ahead().is(TokenKind::kColon))
    return false;
  const std::string text = p.now().text;
  const bool plain = is_plain_name(text);
  const std::string meant = plain ? text : fmt::format("`{}`", text);
  if (text.empty() || text.find('`') != std::string::npos) return false;
  p.remark(Code::kE0117, p.here(), "the name of a field is written without quotes",
           plain ? fmt::format("write `{}`", meant) : std::string("it is written in back-quotes"),
           Edit{p.here(), meant});
  p.read_as(plain ? TokenKind::kName : TokenKind::kQuotedName);
  return true;
}

void foreign_offset(ParseContext& p) {
  if (p.panicking()) return;
  const bool mark = p.now().is("at") || p.now().is(TokenKind::kPlus);
  if (mark && p.ahead().is(TokenKind::kDuration)) {
    const SourceSpan word{p.here().file, p.here().begin, p.span(p.ahead()).begin};
    p.remark(Code::kE0117, p.here(), "an event of a test begins with its distance from the start",
             "leave it out", Edit{word, ""},
             p.now().is("at")
                 ? std::vector<std::string>{}
                 : std::vector<std::string>{"it counts from the start of the test, not from "
                                            "the event before"});
    p.take();
    return;
  }
  if (is_kind_name(p.now()) && p.ahead().is(TokenKind::kBraceOpen)) {
    const SourceSpan place{p.here().file, p.here().begin, p.here().begin};
    p.remark(Code::kE0101, p.here(), fmt::format("{} has no time", p.found(p.now())),
             "write `0s` before it", Edit{place, "0s "},
             {"each event of a test begins with its distance from the start: `0s`, `90s`, `2h`"});
  }
}
}  // namespace tocsin::rules
