// Expressions: operators, from loosest to tightest.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "rules/syntax/parser_impl.h"

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
}  // namespace

// ---- nodes
ExprPtr Parser::make(ExprKind kind, SourceSpan begin, SourceSpan op) {
  auto made = std::make_unique<tree::Expr>();
  made->kind = kind;
  made->span = since(begin);
  made->op_span = op;
  return made;
}

// A place where a mistake stood; what has not been taken is no part of it.
ExprPtr Parser::error_expr(SourceSpan span) {
  broken_ = true;
  if (span.begin >= last_.end) span = {last_.file, last_.end, last_.end};
  auto made = std::make_unique<tree::Expr>();
  made->span = span;
  made->op_span = span;
  return made;
}

// Gives the parent one more argument, and its depth; a chain that grows too deep is given up.
void Parser::adopt(tree::Expr& parent, ExprPtr child) {
  TOCSIN_ASSERT(child != nullptr, "every expression function gives a node");
  if (child->depth >= tree::kTreeDepthMax) {
    if (!panic_ && !too_deep_) {
      fail(Code::kE0115,
           fmt::format("an expression of more than {} operators in a row", tree::kTreeDepthMax), "",
           {"put what is compared into a list"});
    }
    panic_ = broken_ = abandoned_ = too_deep_ = true;
    child = error_expr(child->span);
  }
  parent.depth = std::max(parent.depth, static_cast<std::uint16_t>(child->depth + 1));
  parent.args.push_back(std::move(child));
}

ExprPtr Parser::binary(ExprKind kind, SourceSpan op, ExprPtr left, ExprPtr right) {
  ExprPtr made = make(kind, left->span, op);
  adopt(*made, std::move(left));
  adopt(*made, std::move(right));
  return made;
}

// ---- from loosest to tightest
ExprPtr Parser::expr() {
  const Level level(*this);
  if (!level.ok) return error_expr(here());
  if (now().is("if")) return choice();
  ExprPtr any = conj();
  bool is_chain = false;
  while (accept_operator("or")) {
    const SourceSpan op = last();
    skip_where();
    ExprPtr right = conj();
    if (!is_chain) {
      ExprPtr first = std::exchange(any, make(ExprKind::kOr, any->span, op));
      adopt(*any, std::move(first));
      is_chain = true;
    }
    adopt(*any, std::move(right));
    any->span = since(any->span);
  }
  if (now().is(TokenKind::kQuestion)) {
    const std::string condition = source(any->span);
    fail(Code::kE0117, "the language has no `?` for a choice", "",
         {fmt::format("write `(if {} then … else …)`", condition.empty() ? "ok" : condition)});
    return error_expr(any->span);
  }
  note("an operator");
  last_root_ = PoisonedExpr{any->kind, any->op_span.begin};
  return any;
}

ExprPtr Parser::choice() {
  const SourceSpan begin = here();
  take();
  ExprPtr made = make(ExprKind::kIf, begin, begin);
  adopt(*made, expr());
  if (expect("then")) {
    adopt(*made, expr());
    if (expect("else")) adopt(*made, expr());
  }
  if (panic_ || made->args.size() != 3) return error_expr(since(begin));
  made->span = since(begin);
  return made;
}

ExprPtr Parser::conj() {
  ExprPtr all = neg();
  bool is_chain = false;
  while (accept_operator("and")) {
    const SourceSpan op = last();
    skip_where();
    ExprPtr right = neg();
    if (!is_chain) {
      ExprPtr first = std::exchange(all, make(ExprKind::kAnd, all->span, op));
      adopt(*all, std::move(first));
      is_chain = true;
    }
    adopt(*all, std::move(right));
    all->span = since(all->span);
  }
  return all;
}

// `NOT x`, where `NOT` cannot be a name.
bool Parser::at_foreign_not() {
  if (!now().is(TokenKind::kName) || lowered(now().text) != "not" || now().is("not")) return false;
  const Token& second = ahead();
  return second.is(TokenKind::kParenOpen) || is_literal(second.kind) ||
         second.is(TokenKind::kQuotedName) ||
         (second.is(TokenKind::kName) && !is_keyword(second.text));
}

ExprPtr Parser::neg() {
  const SourceSpan begin = here();
  if (now().is(TokenKind::kBang) || at_foreign_not()) {
    remark(Code::kE0117, begin, fmt::format("the language has no {}", found(now())),
           "the word is `not`", Edit{begin, now().is(TokenKind::kBang) ? "not " : "not"});
  } else if (!now().is("not")) {
    return comparison();
  }
  const Level level(*this);
  if (!level.ok) return error_expr(begin);
  take();
  ExprPtr operand = neg();
  ExprPtr made = make(ExprKind::kNot, begin, begin);
  adopt(*made, std::move(operand));
  return made;
}

ExprPtr Parser::comparison() {
  ExprPtr made = compared(sum());
  const std::optional<ExprKind> more = comparison_kind(now().kind);
  if (!more) return made;
  // `a < b < c`
  const SourceSpan second = here();
  Diagnostic diagnostic;
  diagnostic.code = Code::kE0121;
  diagnostic.message = "comparisons do not chain";
  diagnostic.primary.span = second;
  if (made->args.size() == 2) diagnostic.labels.push_back({made->op_span, ""});
  const SourceSpan begin = made->span;
  const std::string first = source(begin);
  const std::string middle = made->args.size() == 2 ? source(made->args[1]->span) : std::string();
  take();
  sum();
  const std::string rest = source(since(second));
  const bool own = !first.empty() && !middle.empty() && !rest.empty();
  diagnostic.helps.push_back(own ? fmt::format("write `{} and {} {}`", first, middle, rest)
                                 : std::string("write `a < b and b < c`"));
  report(std::move(diagnostic));
  while (comparison_kind(now().kind)) {
    take();
    sum();
  }
  return error_expr(since(begin));
}

// What may follow the left side of a comparison; the left side itself when nothing does.
ExprPtr Parser::compared(ExprPtr left) {
  const SourceSpan op = here();
  if (const std::optional<ExprKind> kind = comparison_kind(now().kind)) {
    take();
    ExprKind meant = *kind;
    if (meant == ExprKind::kEqual && now().is(TokenKind::kBang) && here().begin == op.end) {
      const SourceSpan whole{op.file, op.begin, here().end};
      remark(Code::kE0117, whole, "the language has no `=!`", "inequality is `!=`",
             Edit{whole, "!="});
      take();
      meant = ExprKind::kNotEqual;
    }
    ExprPtr right = sum();
    return binary(meant, op, std::move(left), std::move(right));
  }
  if (!now().is(TokenKind::kName)) return left;
  if (foreign_comparison(left)) return left;

  bool negated = false;
  if (now().is("not") || (lowered(now().text) == "not" && ahead().is(TokenKind::kName))) {
    const std::string second = ahead().is(TokenKind::kName) ? lowered(ahead().text) : std::string();
    if (second == "in") {
      accept("not");
      accept("in");
      ExprPtr right = sum();
      return binary(ExprKind::kNotIn, op, std::move(left), std::move(right));
    }
    constexpr std::string_view kOthers[] = {"between", "matches", "contains",
                                            "starts",  "ends",    "like"};
    if (std::ranges::find(kOthers, second) == std::end(kOthers)) return left;
    if (second != "like") {
      remark(Code::kE0117, op, fmt::format("`not` does not stand before `{}`", second),
             "it stands before the whole comparison", std::nullopt,
             {fmt::format("write `not ({} {} …)`",
                          source(left->span).empty() ? "a" : source(left->span), second)});
    }
    take();
    negated = true;
  }

  ExprKind kind = ExprKind::kError;
  const SourceSpan begin = left->span;
  if (accept_operator("between")) {
    ExprPtr low = sum();
    if (now().is("to") || now().is(TokenKind::kDotDot)) {
      remark(Code::kE0117, here(), fmt::format("expected `and`, found {}", found(now())),
             "write `and`", Edit{here(), now().is("to") ? "and" : " and "});
      take();
    } else {
      expect("and");
    }
    if (panic_) return error_expr(since(begin));
    ExprPtr high = sum();
    ExprPtr made = make(ExprKind::kBetween, begin, op);
    adopt(*made, std::move(left));
    adopt(*made, std::move(low));
    adopt(*made, std::move(high));
    left = std::move(made);
  } else if (bool missing = false; foreign_presence(missing)) {
    ExprPtr made = make(missing ? ExprKind::kIsMissing : ExprKind::kIsKnown, begin, op);
    adopt(*made, std::move(left));
    left = std::move(made);
  } else if (accept_operator("is")) {
    if (accept("missing")) {
      kind = ExprKind::kIsMissing;
    } else if (accept("known")) {
      kind = ExprKind::kIsKnown;
    } else {
      fail_expected();
      return error_expr(since(begin));
    }
    ExprPtr made = make(kind, begin, op);
    adopt(*made, std::move(left));
    left = std::move(made);
  } else {
    struct Foreign {
      std::string_view written, meant;
    };
    constexpr Foreign kForeign[] = {{"startswith", "starts with"},
                                    {"starts_with", "starts with"},
                                    {"endswith", "ends with"},
                                    {"ends_with", "ends with"},
                                    {"equals", "="},
                                    {"eq", "="},
                                    {"includes", "contains"},
                                    {"has", "contains"}};
    const auto* foreign = std::ranges::find(kForeign, lowered(now().text), &Foreign::written);
    const bool is_foreign =
        foreign != std::end(kForeign) && !now().line_start &&
        (is_literal(ahead().kind) || (ahead().is(TokenKind::kName) && !is_keyword(ahead().text)));
    if (is_foreign) {
      remark(Code::kE0117, op, fmt::format("the language has no `{}`", now().text),
             fmt::format("write `{}`", foreign->meant), Edit{op, std::string(foreign->meant)});
      take();
      kind = foreign->meant == "="             ? ExprKind::kEqual
             : foreign->meant == "contains"    ? ExprKind::kContains
             : foreign->meant == "starts with" ? ExprKind::kStartsWith
                                               : ExprKind::kEndsWith;
    } else if (accept_operator("in")) {
      kind = ExprKind::kIn;
    } else if (accept_operator("matches")) {
      kind = ExprKind::kMatches;
      if (at("any")) {
        take();
        kind = ExprKind::kMatchesAnyOf;
        expect("of");
      }
    } else if (accept_operator("contains")) {
      kind = ExprKind::kContains;
      if (at("any")) {
        take();
        kind = accept("word") ? ExprKind::kContainsAnyWordOf : ExprKind::kContainsAnyOf;
        expect("of");
      } else if (now().is("word")) {
        take();
        kind = ExprKind::kContainsWord;
      }
    } else if (accept_operator("starts")) {
      kind = ExprKind::kStartsWith;
      expect("with");
    } else if (accept_operator("ends")) {
      kind = ExprKind::kEndsWith;
      expect("with");
    } else if (const std::string small = lowered(now().text);
               small == "like" || small == "ilike" || small == "rlike" || small == "regexp") {
      foreign_like(negated);
      return error_expr(since(begin));
    } else {
      return left;
    }
    if (panic_) return error_expr(since(begin));
    ExprPtr right = sum();
    if (kind == ExprKind::kIn && now().is(TokenKind::kDotDot)) {
      take();
      ExprPtr high = sum();
      const std::string low_text = source(right->span);
      const std::string high_text = source(high->span);
      const SourceSpan whole = since(op);
      remark(Code::kE0117, whole, "a range of values is `between`",
             fmt::format("write `between {} and {}`", low_text, high_text),
             Edit{whole, fmt::format("between {} and {}", low_text, high_text)});
      return error_expr(since(begin));
    }
    left = binary(kind, op, std::move(left), std::move(right));
  }
  if (!negated) return left;
  ExprPtr made = make(ExprKind::kNot, begin, op);
  adopt(*made, std::move(left));
  return made;
}

// `LIKE "%x%"`, up to its pattern.
void Parser::foreign_like(bool negated) {
  const SourceSpan op = here();
  const std::string word = now().text;
  take();
  std::optional<std::string> meant;
  SourceSpan whole = op;
  const bool plain = now().is(TokenKind::kString) && !in_message_ && !negated && !now().bad &&
                     lowered(word) == "like" && now().text.find('_') == std::string::npos;
  if (plain) {
    std::string_view pattern = now().text;
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
      whole.end = here().end;
    }
  }
  if (meant) {
    remark(Code::kE0117, whole, fmt::format("the language has no `{}`", word),
           fmt::format("write `{}`", *meant), Edit{whole, *meant});
  } else {
    remark(Code::kE0117, op, fmt::format("the language has no `{}`", word), "", std::nullopt,
           {"texts are compared with `contains`, `starts with`, `ends with`, `matches /…/`"});
  }
  sum();
}

// `IS NULL`, `is not null`, `is not known`: what SQL says for `is missing` and `is known`.
bool Parser::foreign_presence(bool& missing) {
  if (panic_ || !now().is(TokenKind::kName) || lowered(now().text) != "is") return false;
  constexpr std::string_view kNothings[] = {"null", "none", "nil", "empty"};
  const auto is_nothing = [&](const Token& token) {
    return token.is(TokenKind::kName) &&
           std::ranges::find(kNothings, lowered(token.text)) != std::end(kNothings);
  };
  const bool negated = ahead().is(TokenKind::kName) && lowered(ahead().text) == "not";
  if (!negated && !is_nothing(ahead())) return false;
  const Token& what = ahead(negated ? 2 : 1);
  const std::string asked = what.is(TokenKind::kName) ? lowered(what.text) : std::string();
  const bool asks_known = asked == "known";
  if (negated && !is_nothing(what) && !asks_known && asked != "missing") return false;
  missing = negated ? asks_known : true;
  const SourceSpan whole{here().file, here().begin, lexer_.span(what).end};
  const std::string_view meant = missing ? "is missing" : "is known";
  const std::string_view text = lexer_.text().text;
  const std::string written =
      in_message_ ? "is not" : std::string(text.substr(whole.begin, whole.end - whole.begin));
  remark(Code::kE0117, whole, fmt::format("the language has no `{}`", written),
         fmt::format("write `{}`", meant), Edit{whole, std::string(meant)});
  take();
  take();
  if (negated) take();
  return true;
}

// `5%`: the remainder needs a second operand.
bool Parser::foreign_percent(const tree::Expr& left, SourceSpan op) {
  const bool of = now().is("of");
  if (panic_ || at_operand()) return false;
  const bool number = left.kind == ExprKind::kLiteral && !left.text.empty() && !of;
  remark(Code::kE0117, op, "`%` is the remainder of a division, no percentage",
         number ? std::string() : "no second operand follows", std::nullopt,
         {"a share is a fraction: `0.05` for five per cent"});
  broken_ = true;
  if (of) take();
  return true;
}

// What other languages have where an operand stands; null where it is none of them.
ExprPtr Parser::foreign_operand() {
  if (panic_ || !now().is(TokenKind::kName)) return nullptr;
  const SourceSpan begin = here();
  const std::string small = lowered(now().text);
  if (small == "case" && ahead().is(TokenKind::kName) && lowered(ahead().text) == "when") {
    remark(Code::kE0117, begin, fmt::format("the language has no `{}`", now().text), "",
           std::nullopt, {"write `(if declined then 1 else 0)`"});
    const MistakeCounter::Quiet quiet(mistakes_);
    while (!now().is(TokenKind::kEnd) && !now().is(TokenKind::kBraceClose)) {
      const bool ends = now().is(TokenKind::kName) && lowered(now().text) == "end";
      skip_one();
      if (ends) break;
    }
    return error_expr(since(begin));
  }
  if (small == "cast" && ahead().is(TokenKind::kParenOpen)) {
    fail(Code::kE0117, "the language has no `cast`", "",
         {"numbers of all types compare with each other; text is never read as a number"});
    return error_expr(begin);
  }
  if (!in_message_ && ahead().is(TokenKind::kColon) && ahead(2).is(TokenKind::kName) &&
      ahead(3).is(TokenKind::kParenOpen)) {
    const bool timer = small == "timer";
    fail(
        Code::kE0117, fmt::format("the language has no `{}:{}`", now().text, ahead(2).text), "",
        {timer ? "how long a match may take is the clause `within 5m`; a wait is `then no … for 5m`"
               : "a function is named by one word: `lower(merchant)`"});
    return error_expr(begin);
  }
  return nullptr;
}

ExprPtr Parser::sum() {
  ExprPtr left = product();
  for (;;) {
    const bool plus = now().is(TokenKind::kPlus);
    if (!plus && !now().is(TokenKind::kMinus)) return left;
    const SourceSpan op = here();
    take();
    ExprPtr right = product();
    left =
        binary(plus ? ExprKind::kAdd : ExprKind::kSubtract, op, std::move(left), std::move(right));
  }
}

ExprPtr Parser::product() {
  ExprPtr left = unary();
  for (;;) {
    ExprKind kind = ExprKind::kMultiply;
    if (now().is(TokenKind::kSlash)) {
      kind = ExprKind::kDivide;
    } else if (now().is(TokenKind::kPercent)) {
      kind = ExprKind::kModulo;
    } else if (!now().is(TokenKind::kStar)) {
      return left;
    }
    const SourceSpan op = here();
    take();
    if (kind == ExprKind::kModulo && foreign_percent(*left, op)) {
      left = error_expr(left->span);
      continue;
    }
    ExprPtr right = unary();
    left = binary(kind, op, std::move(left), std::move(right));
  }
}

ExprPtr Parser::unary() {
  if (!now().is(TokenKind::kMinus)) return postfix();
  const Level level(*this);
  const SourceSpan begin = here();
  if (!level.ok) return error_expr(begin);
  take();
  ExprPtr operand = unary();
  ExprPtr made = make(ExprKind::kNegate, begin, begin);
  adopt(*made, std::move(operand));
  return made;
}

// A `)` or `]` that nothing opened is reported and passed over.
void Parser::stray_closers() {
  for (;;) {
    const bool round = now().is(TokenKind::kParenClose);
    if (!round && !now().is(TokenKind::kBracketClose)) return;
    if (is_open(round ? TokenKind::kParenOpen : TokenKind::kBracketOpen)) return;
    const SourceSpan span = here();
    remark(Code::kE0114, span, fmt::format("this `{}` closes nothing", round ? ')' : ']'), "",
           Edit{span, ""});
    take();
  }
}

ExprPtr Parser::postfix() {
  ExprPtr left = primary();
  for (;;) {
    stray_closers();
    const SourceSpan op = here();
    if (now().is(TokenKind::kDot)) {
      take();
      tree::Name member = name("a name");
      ExprPtr made = make(ExprKind::kMember, left->span, op);
      made->name = std::move(member);
      adopt(*made, std::move(left));
      if (now().is(TokenKind::kParenOpen) && !panic_) {
        left = foreign_method(*made);
        continue;
      }
      left = panic_ ? error_expr(made->span) : std::move(made);
    } else if (now().is(TokenKind::kBracketOpen)) {
      const Level level(*this);
      if (!level.ok) return left;
      take();
      ExprPtr made = make(ExprKind::kIndex, left->span, op);
      adopt(*made, std::move(left));
      do {
        adopt(*made, expr());
      } while (accept_comma());
      close(TokenKind::kBracketClose);
      made->span = since(made->span);
      if (last_kind_ != TokenKind::kBracketClose) made = error_expr(made->span);
      left = std::move(made);
    } else {
      return left;
    }
  }
}
}  // namespace tocsin::rules
