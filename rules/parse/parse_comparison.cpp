// Comparisons, and what other languages write for them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "cep/value/value.h"
#include "rules/parse/grammar.h"
#include "rules/parse/make_expr.h"
#include "rules/parse/parse_foreign.h"
#include "rules/syntax/keywords.h"
#include "rules/text/characters.h"
#include "rules/text/suggest.h"

namespace tocsin::rules {
using tree::ExprKind;
using tree::ExprPtr;

namespace {
std::optional<ExprKind> comparison_kind(TokenKind kind) {
  switch (kind) {
    case TokenKind::kEqual:
      return ExprKind::kEqual;
    case TokenKind::kNotEqual:
      return ExprKind::kNotEqual;
    case TokenKind::kLess:
      return ExprKind::kLess;
    case TokenKind::kLessEqual:
      return ExprKind::kLessEqual;
    case TokenKind::kGreater:
      return ExprKind::kGreater;
    case TokenKind::kGreaterEqual:
      return ExprKind::kGreaterEqual;
    default:
      return std::nullopt;
  }
}

// `LIKE "%x%"`, up to its pattern.
void foreign_like(ParseContext& p, bool negated) {
  const SourceSpan op = p.here();
  const std::string word = p.now().text;
  p.take();
  std::optional<std::string> meant;
  SourceSpan whole = op;
  const bool plain = p.now().is(TokenKind::kString) && !p.in_message() && !negated &&
                     !p.now().bad && lowered(word) == "like" &&
                     p.now().text.find('_') == std::string::npos;
  if (plain) {
    std::string_view pattern = p.now().text;
    const bool open_begin = pattern.starts_with('%');
    if (open_begin) pattern.remove_prefix(1);
    const bool open_end = pattern.ends_with('%');
    if (open_end) pattern.remove_suffix(1);
    if (!pattern.empty() && pattern.find('%') == std::string_view::npos) {
      std::string quoted;
      cep::append_json_string(quoted, pattern);
      meant = fmt::format("{} {}",
                          open_begin && open_end ? "contains"
                          : open_begin           ? "ends with"
                          : open_end             ? "starts with"
                                                 : "=",
                          quoted);
      whole.end = p.here().end;
    }
  }
  if (meant) {
    p.remark(Code::kE0117, whole, fmt::format("the language has no `{}`", word),
             fmt::format("write `{}`", *meant), Edit{whole, *meant});
  } else {
    p.remark(Code::kE0117, op, fmt::format("the language has no `{}`", word), "", std::nullopt,
             {"texts are compared with `contains`, `starts with`, `ends with`, `matches /…/`"});
  }
  parse_sum(p);
}

// `IS NULL`, `is not null`, `is not known`: what SQL says for `is missing` and `is known`.
bool foreign_presence(ParseContext& p, bool& missing) {
  if (p.panicking() || !p.now().is(TokenKind::kName) || lowered(p.now().text) != "is") return false;
  constexpr std::string_view kNothings[] = {"null", "none", "nil", "empty"};
  const auto is_nothing = [&](const Token& token) {
    return token.is(TokenKind::kName) &&
           std::ranges::find(kNothings, lowered(token.text)) != std::end(kNothings);
  };
  const bool negated = p.ahead().is(TokenKind::kName) && lowered(p.ahead().text) == "not";
  if (!negated && !is_nothing(p.ahead())) return false;
  const Token& what = p.ahead(negated ? 2 : 1);
  const std::string asked = what.is(TokenKind::kName) ? lowered(what.text) : std::string();
  const bool asks_known = asked == "known";
  if (negated && !is_nothing(what) && !asks_known && asked != "missing") return false;
  missing = negated ? asks_known : true;
  const SourceSpan whole{p.here().file, p.here().begin, p.span(what).end};
  const std::string_view meant = missing ? "is missing" : "is known";
  const std::string_view text = p.text();
  const std::string written =
      p.in_message() ? "is not" : std::string(text.substr(whole.begin, whole.end - whole.begin));
  p.remark(Code::kE0117, whole, fmt::format("the language has no `{}`", written),
           fmt::format("write `{}`", meant), Edit{whole, std::string(meant)});
  p.take();
  p.take();
  if (negated) p.take();
  return true;
}

// What other languages write for a mark.
struct Phrase {
  std::string_view words;  // with single blanks
  std::string_view mark;
  ExprKind kind;
};
constexpr Phrase kPhrases[] = {
    {"is greater than", ">", ExprKind::kGreater},
    {"is more than", ">", ExprKind::kGreater},
    {"is less than", "<", ExprKind::kLess},
    {"is equal to", "=", ExprKind::kEqual},
    {"is at least", ">=", ExprKind::kGreaterEqual},
    {"greater than", ">", ExprKind::kGreater},
    {"more than", ">", ExprKind::kGreater},
    {"larger than", ">", ExprKind::kGreater},
    {"higher than", ">", ExprKind::kGreater},
    {"less than", "<", ExprKind::kLess},
    {"lower than", "<", ExprKind::kLess},
    {"smaller than", "<", ExprKind::kLess},
    {"equal to", "=", ExprKind::kEqual},
    {"at least", ">=", ExprKind::kGreaterEqual},
    {"is not", "!=", ExprKind::kNotEqual},
    {"is above", ">", ExprKind::kGreater},
    {"is below", "<", ExprKind::kLess},
    {"above", ">", ExprKind::kGreater},
    {"exceeds", ">", ExprKind::kGreater},
    {"over", ">", ExprKind::kGreater},
    {"below", "<", ExprKind::kLess},
    {"under", "<", ExprKind::kLess},
    {"gt", ">", ExprKind::kGreater},
    {"gte", ">=", ExprKind::kGreaterEqual},
    {"ge", ">=", ExprKind::kGreaterEqual},
    {"lt", "<", ExprKind::kLess},
    {"lte", "<=", ExprKind::kLessEqual},
    {"le", "<=", ExprKind::kLessEqual},
    {"ne", "!=", ExprKind::kNotEqual},
    {"neq", "!=", ExprKind::kNotEqual},
    {"is", "=", ExprKind::kEqual},
};

// `amount greater than 3`, `country is "SE"`, `country not = "SE"`: read as the mark.
bool foreign_comparison(ParseContext& p, ExprPtr& left) {
  if (p.panicking() || !p.now().is(TokenKind::kName)) return false;
  if (p.now().is("not") && p.ahead().is(TokenKind::kEqual)) {
    const SourceSpan whole{p.here().file, p.here().begin, p.span(p.ahead()).end};
    p.remark(Code::kE0117, whole, "inequality is `!=`", "write `!=`", Edit{whole, "!="});
    p.take();
    p.take();
    left = make_binary(p, ExprKind::kNotEqual, whole, std::move(left), parse_sum(p));
    return true;
  }
  for (const Phrase& phrase : kPhrases) {
    std::size_t count = 0;
    bool fits = true;
    for (std::string_view rest = phrase.words; fits && !rest.empty(); ++count) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      const Token& token = count == 0 ? p.now() : p.ahead(count);
      fits = is_word(token, rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (!fits) continue;
    // Behind a phrase stands a value; behind a word that a clause may begin with, a literal.
    const Token& value = p.ahead(count);
    const std::array<std::string, 2> tests = {"missing", "known"};
    constexpr std::array<std::string_view, 7> kPresence = {"missing", "known", "null", "none",
                                                           "nil",     "empty", "not"};
    const bool names_value = is_kind_name(value) && !value.line_start &&
                             !nearest(value.text, tests) &&
                             std::ranges::find(kPresence, lowered(value.text)) == kPresence.end();
    const bool word_alone = phrase.words == "over" || phrase.words == "at least";
    if (!(is_literal(value.kind) && !value.is(TokenKind::kDuration)) &&
        (word_alone || !(names_value || value.is(TokenKind::kDuration))))
      continue;
    if (word_alone && value.is(TokenKind::kDuration)) continue;
    const SourceSpan whole{p.here().file, p.here().begin,
                           p.span(count == 1 ? p.now() : p.ahead(count - 1)).end};
    const std::string written = p.source(whole);
    p.remark(Code::kE0117, whole,
             fmt::format("the language has no `{}`",
                         written.empty() ? std::string(phrase.words) : written),
             fmt::format("write `{}`", phrase.mark), Edit{whole, std::string(phrase.mark)});
    for (std::size_t i = 0; i < count; ++i) p.take();
    left = make_binary(p, phrase.kind, whole, std::move(left), parse_sum(p));
    return true;
  }
  return false;
}

// `= 3`, `< 3`; what may be at the mark of a comparison.
ExprPtr parse_marked(ParseContext& p, ExprPtr left, ExprKind kind) {
  const SourceSpan op = p.here();
  p.take();
  if (kind == ExprKind::kEqual && p.now().is(TokenKind::kBang) && p.here().begin == op.end) {
    const SourceSpan whole{op.file, op.begin, p.here().end};
    p.remark(Code::kE0117, whole, "the language has no `=!`", "inequality is `!=`",
             Edit{whole, "!="});
    p.take();
    kind = ExprKind::kNotEqual;
  }
  ExprPtr right = parse_sum(p);
  return make_binary(p, kind, op, std::move(left), std::move(right));
}

// `low and high`, behind `between`.
ExprPtr parse_between(ParseContext& p, ExprPtr left, SourceSpan op) {
  const SourceSpan begin = left->span;
  ExprPtr low = parse_sum(p);
  if (p.now().is("to") || p.now().is(TokenKind::kDotDot)) {
    p.remark(Code::kE0117, p.here(), fmt::format("expected `and`, found {}", p.found(p.now())),
             "write `and`", Edit{p.here(), p.now().is("to") ? "and" : " and "});
    p.take();
  } else {
    p.expect("and");
  }
  if (p.panicking()) return error_expr(p, p.since(begin));
  ExprPtr high = parse_sum(p);
  ExprPtr made = make_expr(p, ExprKind::kBetween, begin, op);
  adopt(p, *made, std::move(left));
  adopt(p, *made, std::move(low));
  adopt(p, *made, std::move(high));
  return made;
}

// `missing` or `known`, behind `is`.
ExprPtr parse_presence(ParseContext& p, ExprPtr left, SourceSpan op) {
  const SourceSpan begin = left->span;
  const bool missing = p.accept("missing");
  if (!missing && !p.accept("known")) {
    p.fail_expected();
    return error_expr(p, p.since(begin));
  }
  ExprPtr made = make_expr(p, missing ? ExprKind::kIsMissing : ExprKind::kIsKnown, begin, op);
  adopt(p, *made, std::move(left));
  return made;
}

// `startswith`, `equals`: the operator that is meant; absent at anything else.
std::optional<ExprKind> foreign_operator(ParseContext& p, SourceSpan op) {
  struct Foreign {
    std::string_view written, meant;
    ExprKind kind;
  };
  static constexpr Foreign kForeign[] = {{"startswith", "starts with", ExprKind::kStartsWith},
                                         {"starts_with", "starts with", ExprKind::kStartsWith},
                                         {"endswith", "ends with", ExprKind::kEndsWith},
                                         {"ends_with", "ends with", ExprKind::kEndsWith},
                                         {"equals", "=", ExprKind::kEqual},
                                         {"eq", "=", ExprKind::kEqual},
                                         {"includes", "contains", ExprKind::kContains},
                                         {"has", "contains", ExprKind::kContains}};
  const auto* foreign = std::ranges::find(kForeign, lowered(p.now().text), &Foreign::written);
  const bool is_foreign = foreign != std::end(kForeign) && !p.now().line_start &&
                          (is_literal(p.ahead().kind) ||
                           (p.ahead().is(TokenKind::kName) && !is_keyword(p.ahead().text)));
  if (!is_foreign) return std::nullopt;
  p.remark(Code::kE0117, op, fmt::format("the language has no `{}`", p.now().text),
           fmt::format("write `{}`", foreign->meant), Edit{op, std::string(foreign->meant)});
  p.take();
  return foreign->kind;
}

// `in`, `matches any of`, `contains word`: takes the words of an operator with a right side; absent
// at anything else.
std::optional<ExprKind> accept_word_operator(ParseContext& p, SourceSpan op) {
  if (const auto foreign = foreign_operator(p, op)) return foreign;
  if (p.accept_operator("in")) return ExprKind::kIn;
  if (p.accept_operator("matches")) {
    if (!p.at("any")) return ExprKind::kMatches;
    p.take();
    p.expect("of");
    return ExprKind::kMatchesAnyOf;
  }
  if (p.accept_operator("contains")) {
    if (p.at("any")) {
      p.take();
      const bool of_words = p.accept("word");
      p.expect("of");
      return of_words ? ExprKind::kContainsAnyWordOf : ExprKind::kContainsAnyOf;
    }
    if (!p.now().is("word")) return ExprKind::kContains;
    p.take();
    return ExprKind::kContainsWord;
  }
  if (p.accept_operator("starts")) {
    p.expect("with");
    return ExprKind::kStartsWith;
  }
  if (p.accept_operator("ends")) {
    p.expect("with");
    return ExprKind::kEndsWith;
  }
  return std::nullopt;
}

// The right side of an operator of words; the mistake `in 1..3` is read as well.
ExprPtr parse_right_side(ParseContext& p, ExprPtr left, ExprKind kind, SourceSpan op) {
  const SourceSpan begin = left->span;
  if (p.panicking()) return error_expr(p, p.since(begin));
  ExprPtr right = parse_sum(p);
  if (kind != ExprKind::kIn || !p.now().is(TokenKind::kDotDot)) {
    return make_binary(p, kind, op, std::move(left), std::move(right));
  }
  p.take();
  ExprPtr high = parse_sum(p);
  const std::string low_text = p.source(right->span);
  const std::string high_text = p.source(high->span);
  const SourceSpan whole = p.since(op);
  p.remark(Code::kE0117, whole, "a range of values is `between`",
           fmt::format("write `between {} and {}`", low_text, high_text),
           Edit{whole, fmt::format("between {} and {}", low_text, high_text)});
  return error_expr(p, p.since(begin));
}

// The comparison that a word begins, null if it begins none: `left` is then untouched. `negated`: a
// `not` was before it.
ExprPtr parse_worded(ParseContext& p, ExprPtr& left, SourceSpan op, bool negated) {
  const SourceSpan begin = left->span;
  if (p.accept_operator("between")) return parse_between(p, std::move(left), op);
  if (bool missing = false; foreign_presence(p, missing)) {
    ExprPtr made = make_expr(p, missing ? ExprKind::kIsMissing : ExprKind::kIsKnown, begin, op);
    adopt(p, *made, std::move(left));
    return made;
  }
  if (p.accept_operator("is")) return parse_presence(p, std::move(left), op);
  if (const auto kind = accept_word_operator(p, op)) {
    return parse_right_side(p, std::move(left), *kind, op);
  }
  const std::string small = lowered(p.now().text);
  if (small != "like" && small != "ilike" && small != "rlike" && small != "regexp") return nullptr;
  foreign_like(p, negated);
  return error_expr(p, p.since(begin));
}

// `not`, before a comparison that does not take it: reported and taken; false at anything else.
bool accept_misplaced_not(ParseContext& p, const tree::Expr& left) {
  const std::string second =
      p.ahead().is(TokenKind::kName) ? lowered(p.ahead().text) : std::string();
  constexpr std::string_view kOthers[] = {"between", "matches", "contains",
                                          "starts",  "ends",    "like"};
  if (std::ranges::find(kOthers, second) == std::end(kOthers)) return false;
  if (second != "like") {
    p.remark(Code::kE0117, p.here(), fmt::format("`not` cannot be written before `{}`", second),
             "it is written before the whole comparison", std::nullopt,
             {fmt::format("write `not ({} {} …)`",
                          p.source(left.span).empty() ? "a" : p.source(left.span), second)});
  }
  p.take();
  return true;
}

// What may follow the left side of a comparison; the left side itself when nothing does.
ExprPtr parse_compared(ParseContext& p, ExprPtr left) {
  const SourceSpan op = p.here();
  if (const std::optional<ExprKind> kind = comparison_kind(p.now().kind)) {
    return parse_marked(p, std::move(left), *kind);
  }
  if (!p.now().is(TokenKind::kName)) return left;
  if (foreign_comparison(p, left)) return left;

  bool negated = false;
  if (p.now().is("not") || (lowered(p.now().text) == "not" && p.ahead().is(TokenKind::kName))) {
    if (p.ahead().is(TokenKind::kName) && lowered(p.ahead().text) == "in") {
      p.accept("not");
      p.accept("in");
      ExprPtr right = parse_sum(p);
      return make_binary(p, ExprKind::kNotIn, op, std::move(left), std::move(right));
    }
    if (!accept_misplaced_not(p, *left)) return left;
    negated = true;
  }
  const SourceSpan begin = left->span;
  ExprPtr made = parse_worded(p, left, op, negated);
  if (!made) return left;
  if (!negated || made->kind == ExprKind::kError) return made;
  ExprPtr whole = make_expr(p, ExprKind::kNot, begin, op);
  adopt(p, *whole, std::move(made));
  return whole;
}
}  // namespace

ExprPtr parse_comparison(ParseContext& p) {
  ExprPtr made = parse_compared(p, parse_sum(p));
  const std::optional<ExprKind> more = comparison_kind(p.now().kind);
  if (!more) return made;
  // `a < b < c`
  const SourceSpan second = p.here();
  Diagnostic diagnostic;
  diagnostic.code = Code::kE0121;
  diagnostic.message = "comparisons do not chain";
  diagnostic.primary.span = second;
  if (made->args.size() == 2) diagnostic.labels.push_back({made->op_span, ""});
  const SourceSpan begin = made->span;
  const std::string first = p.source(begin);
  const std::string middle = made->args.size() == 2 ? p.source(made->args[1]->span) : std::string();
  p.take();
  parse_sum(p);
  const std::string rest = p.source(p.since(second));
  const bool own = !first.empty() && !middle.empty() && !rest.empty();
  diagnostic.helps.push_back(own ? fmt::format("write `{} and {} {}`", first, middle, rest)
                                 : std::string("write `a < b and b < c`"));
  p.report(std::move(diagnostic));
  while (comparison_kind(p.now().kind)) {
    p.take();
    parse_sum(p);
  }
  return error_expr(p, p.since(begin));
}
}  // namespace tocsin::rules
