// Habits of other languages that are understood: each is reported with what to write here, and
// parsing goes on as if that stood there.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "rules/syntax/parser_impl.h"
#include "rules/text/suggest.h"

namespace tocsin::rules {
using tree::ExprKind;
using tree::ExprPtr;

namespace {
bool is_kind_name(const Token& token) {
  return token.is(TokenKind::kQuotedName) ||
         (token.is(TokenKind::kName) && !is_keyword(token.text));
}
bool is_word(const Token& token, std::string_view small) {
  return token.is(TokenKind::kName) && lowered(token.text) == small;
}
template <std::size_t N>
bool is_any_word(const Token& token, const std::array<std::string_view, N>& words) {
  return token.is(TokenKind::kName) && std::ranges::find(words, lowered(token.text)) != words.end();
}
// A name made of a title: `Large payments` is `large_payments`.
std::string name_of_title(std::string_view title) {
  constexpr std::size_t kLongest = 40;
  std::string name;
  for (const char c : title) {
    if (name.size() >= kLongest) break;
    if (in_name(c)) {
      name += lowered(c);
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  while (!name.empty() && name.back() == '_') name.pop_back();
  if (name.empty() || is_digit(name.front()) || is_keyword(name)) name.insert(0, "rule_");
  return name;
}
}  // namespace

// ---- names

// What stands there, where it is short enough to be repeated in advice.
std::string Parser::source(SourceSpan span) const {
  constexpr std::size_t kLongest = 80;
  if (in_message_ || span.end <= span.begin || span.end - span.begin > kLongest) return {};
  std::string text(lexer_.text().text.substr(span.begin, span.end - span.begin));
  return text.find_first_of("\r\n`#") == std::string::npos ? text : std::string();
}

// The kinds of a step for an example in advice.
std::string Parser::own_kind(SourceSpan span) const {
  std::string text = source(span);
  return text.empty() ? "payment" : text;
}

std::string Parser::joined_at(std::uint32_t begin) const {
  if (in_message_) return {};
  const std::string_view text = lexer_.text().text;
  std::size_t end = begin;
  bool joined = false;
  while (end < text.size()) {
    if (in_name(text[end])) {
      ++end;
    } else if (text[end] == '-' && end > begin && end + 1 < text.size() && in_name(text[end + 1])) {
      joined = true;
      ++end;
    } else {
      break;
    }
  }
  return joined ? std::string(text.substr(begin, end - begin)) : std::string();
}

// A name that was declared with a `-` in it, at a later use: that has been reported.
void Parser::take_joined(tree::Name& name) {
  if (joined_.empty() || name.quoted || panic_) return;
  const auto found = joined_.find(joined_at(name.span.begin));
  if (found == joined_.end()) return;
  const auto end = static_cast<std::uint32_t>(name.span.begin + found->first.size());
  while (last_.end < end && !now().is(TokenKind::kEnd)) take();
  name.span.end = last_.end;
  name.text = found->second;
}

// A name where no `-` can follow. `in_data`: one that events have, so that it cannot be changed.
tree::Name Parser::declared_name(std::string_view what, bool in_data) {
  tree::Name made = name(what);
  if (panic_ || made.quoted || made.text.empty()) return made;
  const std::string written = joined_at(made.span.begin);
  const auto end = static_cast<std::uint32_t>(made.span.begin + written.size());
  if (written.empty() || last_.end >= end) return made;
  std::string meant = written;
  if (!in_data) std::ranges::replace(meant, '-', '_');
  {
    const MistakeCounter::Quiet quiet(mistakes_);
    while (last_.end < end && !now().is(TokenKind::kEnd)) take();
  }
  made.span.end = last_.end;
  made.quoted = in_data;
  made.text = meant;
  joined_.emplace(written, meant);
  if (in_data) {
    remark(Code::kE0117, made.span, "a name with a `-` in it stands in back-quotes", "",
           Edit{made.span, fmt::format("`{}`", written)});
  } else {
    remark(Code::kE0117, made.span, "a name has no `-` in it", fmt::format("write `{}`", meant),
           Edit{made.span, meant});
  }
  return made;
}

// `rule "Large payments" {` and `rule "large" "Large payments" {`.
tree::Name Parser::rule_name() {
  if (panic_ || !now().is(TokenKind::kString)) return declared_name("the name of the rule");
  const SourceSpan span = here();
  const std::string written = now().text;
  const std::string meant = is_plain_name(written) ? written : name_of_title(written);
  if (ahead().is(TokenKind::kString)) {
    remark(Code::kE0101, span, "the name of a rule stands without quotes",
           fmt::format("write `{}`", meant), Edit{span, meant});
    take();
  } else {
    remark(Code::kE0101, span, "a rule has a name before its title",
           fmt::format("write `{} \"…\"`", meant),
           Edit{{span.file, span.begin, span.begin}, meant + " "});
  }
  return {meant, span, false};
}

// ---- comments and braces

// `-- a comment`, where no expression can go on with two minus signs.
bool Parser::skip_foreign_comment() {
  if (panic_ || !now().is(TokenKind::kMinus) || !ahead().is(TokenKind::kMinus)) return false;
  const SourceSpan both{here().file, here().begin, lexer_.span(ahead()).end};
  remark(Code::kE0117, both, "`--` begins no comment", "a comment begins with `#`",
         Edit{both, "#"});
  const MistakeCounter::Quiet quiet(mistakes_);
  const std::vector<Bracket> open = open_;
  take();
  take();
  while (!current().is(TokenKind::kEnd) && !current().line_start) skip_one();
  open_ = open;
  return true;
}

// `rule r "title":`, with or without a brace behind it. `colon_block`: without.
void Parser::foreign_colon(bool& colon_block) {
  if (panic_ || !now().is(TokenKind::kColon)) return;
  colon_block = !ahead().is(TokenKind::kBraceOpen);
  if (colon_block) {
    remark(Code::kE0117, here(), "the clauses of a rule stand in braces",
           "write `{`, and `}` behind the last clause");
    broken_ = true;
  } else {
    remark(Code::kE0117, here(), "no `:` stands before `{`", "leave it out", Edit{here(), ""});
  }
  take();
}

// A list, a feature or a kind inside a rule that is not complete yet: it is read, and the rule goes
// on behind it.
bool Parser::nested_declaration(const tree::Rule& rule) {
  constexpr std::array<std::string_view, 6> kWords = {"feature", "features", "list",
                                                      "table",   "const",    "kind"};
  if (panic_ || rule.alert || !at_declaration() || !is_any_word(now(), kWords)) return false;
  // One that stands as far left as the rule follows a rule of which the end is missing.
  const auto column = [&](std::uint32_t at) {
    const std::size_t line = lexer_.text().text.substr(0, at).find_last_of("\r\n");
    return line == std::string_view::npos ? at : at - line - 1;
  };
  if (column(now().begin) <= column(rule.keyword_span.begin)) return false;
  const std::string word = now().text;
  remark(Code::kE0117, here(), fmt::format("`{}` does not stand inside a rule", word),
         "declare it before the rule");
  const std::size_t base = brackets();
  const bool broken = broken_;
  tree::File inner;
  in_rule_ = false;
  declaration_by_name(inner, word);
  in_rule_ = true;
  forget_brackets(base);
  broken_ = broken || broken_;
  if (panic_) resume_clause(base);
  for (auto& item : inner.items) nested_.push_back(std::move(item));
  return true;
}

// ---- conditions

// `and where …`, `or where …`.
void Parser::skip_where() {
  if (panic_ || !now().is("where") || at_operand()) return;
  const SourceSpan word{here().file, here().begin, lexer_.span(ahead()).begin};
  remark(Code::kE0101, here(), "`where` stands once, before the whole condition", "leave it out",
         Edit{word, ""});
  take();
}

// `where a where b`, and `login where ok or transfer where …`.
ExprPtr Parser::second_where(ExprPtr first) {
  const bool of_kinds = first->kind == ExprKind::kOr && !first->parenthesized &&
                        first->args.back()->kind == ExprKind::kName;
  const SourceSpan word = here();
  take();
  ExprPtr second = expr();
  if (of_kinds) {
    const tree::Expr& kind = *first->args.back();
    std::string one = source({word.file, first->span.begin, kind.span.begin});
    one = one.substr(0, one.find_last_not_of(' ') + 1);
    if (one.ends_with(" or")) one.resize(one.size() - 3);
    const std::string other = source({word.file, kind.span.begin, last_.end});
    remark(Code::kE0101, word, "a second `where` behind one step", "", std::nullopt,
           {one.empty() || other.empty()
                ? std::string("kinds with conditions of their own are alternatives: `one of { … }`")
                : fmt::format("kinds with conditions of their own are alternatives: `one of {{ … "
                              "where {}, {} }}`",
                              one, other)});
  } else {
    remark(Code::kE0101, word, "a second `where` behind one step", "write `and`",
           Edit{word, "and"});
  }
  return error_expr(since(first->span));
}

// `login where ok as l`.
void Parser::late_as(tree::Step& step) {
  if (panic_ || !now().is("as") || !step.where) return;
  const SourceSpan word = here();
  const std::string condition = source({word.file, step.where_span.begin, last_.end});
  take();
  tree::Name as = name("a name for the step");
  if (panic_) return;
  const SourceSpan whole{word.file, step.where_span.begin, last_.end};
  remark(Code::kE0101, since(word), "the name of a step stands before its `where`",
         condition.empty() ? fmt::format("write `as {} where …`", as.text)
                           : fmt::format("write `as {} {}`", as.text, condition),
         condition.empty()
             ? std::nullopt
             : std::optional(Edit{whole, fmt::format("as {} {}", as.text, condition)}));
  if (!step.as) step.as = std::move(as);
}

// `no payment in 5m`.
void Parser::late_for(tree::Absence& absence) {
  constexpr std::array<std::string_view, 3> kWords = {"in", "during", "over"};
  if (absence.absent_for || !is_any_word(now(), kWords) || !ahead().is(TokenKind::kDuration))
    return;
  remark(Code::kE0117, here(),
         fmt::format("how long nothing may come is not said by `{}`", now().text), "write `for`",
         Edit{here(), "for"});
  take();
  absence.for_span = last();
  absence.absent_for = duration(true);
}

// `amount greater than 3`, `country is "SE"`, `country not = "SE"`: read as the mark.
bool Parser::foreign_comparison(ExprPtr& left) {
  struct Phrase {
    std::string_view words;  // with single blanks
    std::string_view mark;
    ExprKind kind;
  };
  static constexpr Phrase kPhrases[] = {
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
  if (panic_ || !now().is(TokenKind::kName)) return false;
  if (now().is("not") && ahead().is(TokenKind::kEqual)) {
    const SourceSpan whole{here().file, here().begin, lexer_.span(ahead()).end};
    remark(Code::kE0117, whole, "inequality is `!=`", "write `!=`", Edit{whole, "!="});
    take();
    take();
    left = binary(ExprKind::kNotEqual, whole, std::move(left), sum());
    return true;
  }
  for (const Phrase& phrase : kPhrases) {
    std::size_t count = 0;
    bool fits = true;
    for (std::string_view rest = phrase.words; fits && !rest.empty(); ++count) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      const Token& token = count == 0 ? now() : ahead(count);
      fits = is_word(token, rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (!fits) continue;
    // Behind a phrase stands a value; behind a word that a clause may begin with, a literal.
    const Token& value = ahead(count);
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
    const SourceSpan whole{here().file, here().begin,
                           lexer_.span(count == 1 ? now() : ahead(count - 1)).end};
    const std::string written = source(whole);
    remark(Code::kE0117, whole,
           fmt::format("the language has no `{}`",
                       written.empty() ? std::string(phrase.words) : written),
           fmt::format("write `{}`", phrase.mark), Edit{whole, std::string(phrase.mark)});
    for (std::size_t i = 0; i < count; ++i) take();
    left = binary(phrase.kind, whole, std::move(left), sum());
    return true;
  }
  return false;
}

// `in {"SE", "NO"}`.
ExprPtr Parser::foreign_list() {
  const bool after_in =
      last_kind_ == TokenKind::kName && (last_word_ == "in" || last_word_ == "of");
  if (panic_ || !after_in || !now().is(TokenKind::kBraceOpen)) return nullptr;
  if (!is_literal(ahead().kind) && !is_kind_name(ahead())) return nullptr;
  const Level level(*this);
  const SourceSpan begin = here();
  if (!level.ok) return error_expr(begin);
  take();
  ExprPtr made = make(ExprKind::kList, begin, begin);
  comma_list(
      TokenKind::kBraceClose, [&] { adopt(*made, expr()); }, [this] { return at_operand(); });
  made->span = since(begin);
  const std::string items = source({begin.file, begin.end, made->span.end - 1});
  remark(
      Code::kE0117, begin, "a list of values stands in square brackets", "write `[…]`",
      items.empty() ? std::nullopt : std::optional(Edit{made->span, fmt::format("[{}]", items)}));
  return made;
}

// `merchant.lower()`, `p.sum(amount)`, `re.match("x", merchant)`; the current token is the `(`.
ExprPtr Parser::foreign_method(const tree::Expr& member) {
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
  const std::string value = source(member.args[0]->span);
  const std::string method = lowered(member.name.text);
  const SourceSpan paren = here();
  const SourceSpan begin = member.span;
  const std::vector<Bracket> outside = open_;
  std::string arguments;
  {
    const MistakeCounter::Quiet quiet(mistakes_);
    take();
    const std::size_t base = brackets();
    const std::uint32_t from = last_.end;
    std::uint32_t to = from;
    while (!current().is(TokenKind::kEnd) && !current().is(TokenKind::kBraceClose)) {
      const bool closes = current().is(TokenKind::kParenClose) && brackets() <= base;
      to = here().begin;
      skip_one();
      if (closes) break;
    }
    arguments = source({begin.file, from, to});
  }
  open_ = outside;
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
  remark(Code::kE0117, paren, "values have no functions of their own", "", std::nullopt,
         {meant.empty() ? std::string("write `merchant starts with \"x\"`, `merchant contains "
                                      "\"x\"`, `lower(merchant)`")
                        : fmt::format("write `{}`", meant)});
  return error_expr(since(begin));
}

// ---- features and suppression

// `per card`, `group by card`, `for each card` of a feature, up to the name.
bool Parser::foreign_by() {
  if (panic_ || !now().is(TokenKind::kName)) return false;
  const bool grouped =
      (is_word(now(), "group") || is_word(now(), "grouped") || is_word(now(), "partition")) &&
      is_word(ahead(), "by");
  const bool each = now().is("for") && is_word(ahead(), "each");
  const bool one = is_word(now(), "per") || is_word(now(), "for") || is_word(now(), "on");
  const std::size_t count = grouped || each ? 2 : 1;
  if ((!grouped && !each && !one) || !is_kind_name(ahead(count))) return false;
  const SourceSpan whole{here().file, here().begin, lexer_.span(count == 2 ? ahead() : now()).end};
  remark(Code::kE0117, whole, "the key of a feature stands behind `by`", "write `by`",
         Edit{whole, "by"});
  take();
  if (count == 2) take();
  return true;
}

// `once 1h`, `once every 1h`, `once a day`: read as `once per`.
bool Parser::foreign_once() {
  constexpr std::array<std::string_view, 7> kWords = {"every", "in",  "a",     "an",
                                                      "each",  "for", "within"};
  if (panic_) return false;
  if (now().is(TokenKind::kDuration)) {
    const SourceSpan place{here().file, here().begin, here().begin};
    remark(Code::kE0101, here(), fmt::format("expected `per` before {}", found(now())), "",
           Edit{place, "per "});
    return true;
  }
  if (!is_any_word(now(), kWords)) return false;
  const Token& next = ahead();
  struct Unit {
    std::string_view written, meant;
  };
  static constexpr Unit kUnits[] = {{"second", "1s"}, {"minute", "1m"}, {"hour", "1h"},
                                    {"day", "1d"},    {"week", "1w"},   {"month", "30d"}};
  const std::string word = next.is(TokenKind::kName) ? lowered(next.text) : std::string();
  const auto* unit = std::ranges::find(kUnits, word, &Unit::written);
  if (unit != std::end(kUnits)) {
    const SourceSpan whole{here().file, here().begin, lexer_.span(next).end};
    const std::string meant = fmt::format("per {}", unit->meant);
    std::vector<std::string> helps;
    if (word == "day" || word == "week" || word == "month") {
      helps.push_back(
          fmt::format("a {0} of the calendar is `once per {0} in \"Europe/Berlin\"`", word));
    }
    remark(Code::kE0117, whole, fmt::format("expected `per`, found {}", found(now())),
           fmt::format("write `{}`", meant), Edit{whole, meant}, std::move(helps));
    take();
    now_->kind = TokenKind::kDuration;  // read on as if it stood there
    now_->text = unit->meant;
    now_->value = cep::Value::duration(*cep::parse_duration(unit->meant));
    return true;
  }
  if (!next.is(TokenKind::kDuration) && !next.is(TokenKind::kInt)) return false;
  remark(Code::kE0117, here(), fmt::format("expected `per`, found {}", found(now())), "write `per`",
         Edit{here(), "per"});
  take();
  return true;
}

// ---- records and tests

// `"card": …`: the name of a field in quotes, as in JSON.
bool Parser::foreign_entry() {
  if (panic_ || !now().is(TokenKind::kString) || !ahead().is(TokenKind::kColon)) return false;
  const std::string text = now().text;
  const bool plain = is_plain_name(text);
  const std::string meant = plain ? text : fmt::format("`{}`", text);
  if (text.empty() || text.find('`') != std::string::npos) return false;
  remark(Code::kE0117, here(), "the name of a field stands without quotes",
         plain ? fmt::format("write `{}`", meant) : std::string("it stands in back-quotes"),
         Edit{here(), meant});
  now_->kind = plain ? TokenKind::kName : TokenKind::kQuotedName;
  return true;
}

// `at 5s payment`, `+5s payment`, and `payment {…}` without its offset.
void Parser::foreign_offset() {
  if (panic_) return;
  const bool mark = now().is("at") || now().is(TokenKind::kPlus);
  if (mark && ahead().is(TokenKind::kDuration)) {
    const SourceSpan word{here().file, here().begin, lexer_.span(ahead()).begin};
    remark(Code::kE0117, here(), "an event of a test begins with its distance from the start",
           "leave it out", Edit{word, ""},
           now().is("at")
               ? std::vector<std::string>{}
               : std::vector<std::string>{"it counts from the start of the test, not from "
                                          "the event before"});
    take();
    return;
  }
  if (is_kind_name(now()) && ahead().is(TokenKind::kBraceOpen)) {
    const SourceSpan place{here().file, here().begin, here().begin};
    remark(Code::kE0101, here(), fmt::format("{} has no time", found(now())),
           "write `0s` before it", Edit{place, "0s "},
           {"each event of a test begins with its distance from the start: `0s`, `90s`, `2h`"});
  }
}
}  // namespace tocsin::rules
