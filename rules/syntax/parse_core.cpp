// Tokens, what was expected, and where to go on after a mistake.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "rules/syntax/parser_impl.h"
#include "rules/text/suggest.h"

namespace tocsin::rules {
namespace {
// The blanks with which the line of byte `at` begins; a very long line counts from where its end is
// near.
std::size_t indentation(std::string_view text, std::size_t at) {
  constexpr std::size_t kFar = 4096;
  std::size_t line = at;
  while (line > 0 && at - line < kFar && text[line - 1] != '\n' && text[line - 1] != '\r') --line;
  std::size_t blanks = 0;
  while (line + blanks < at && (text[line + blanks] == ' ' || text[line + blanks] == '\t'))
    ++blanks;
  return blanks;
}
}  // namespace

Parser::Parser(LexedText text, std::uint32_t begin, MistakeCounter& mistakes, int nesting)
    : lexer_(text, begin, mistakes),
      mistakes_(mistakes),
      last_(text.span(begin > 0 ? begin - 1 : 0, begin)),
      nesting_(nesting),
      in_message_(text.places != nullptr) {}

// ---- tokens
const Token& Parser::current() {
  if (!now_) now_ = lexer_.next();
  return *now_;
}

const Token& Parser::now() {
  static const Token kNothing;
  return panic_ ? kNothing : current();
}

const Token& Parser::ahead(std::size_t count) {
  static const Token kUnread;
  current();
  while (ahead_.size() < count) {
    if ((ahead_.empty() ? *now_ : ahead_.back()).is(TokenKind::kSlash)) return kUnread;
    ahead_.push_back(lexer_.next());
  }
  return ahead_[count - 1];
}

Token Parser::take() {
  if (panic_) return {};
  Token token = std::move(*now_);
  now_.reset();
  if (!ahead_.empty()) {
    now_ = std::move(ahead_.front());
    ahead_.pop_front();
  }
  expected_.clear();
  if (token.is(TokenKind::kEnd)) {
    now_ = token;  // it stays
    return token;
  }
  if (places_ != nullptr)
    places_->push_back({token.kind, token.begin, token.end, token.line_start});
  last_ = lexer_.span(token);
  last_kind_ = token.kind;
  last_word_ = token.is(TokenKind::kName) ? token.text : std::string();
  if (token.bad) broken_ = true;
  if (is_opening(token.kind)) {
    constexpr std::size_t kRemembered = 100'000;
    if (open_.size() < kRemembered) open_.push_back({token.kind, token.begin});
  } else if (const TokenKind opening = opening_of(token.kind);
             opening != TokenKind::kEnd && is_open(opening)) {
    while (open_.back().kind != opening) open_.pop_back();
    if (opening == TokenKind::kBraceOpen && token.line_start && !suspect_) {
      const std::string_view text = lexer_.text().text;
      if (indentation(text, token.begin) < indentation(text, open_.back().begin))
        suspect_ = open_.back();
    }
    open_.pop_back();
  }
  if (token.doubtful) guessed_ = true;
  skip_doubled_operand(token);
  return token;
}

void Parser::note(std::string_view expected) {
  if (panic_) return;
  const bool known =
      std::ranges::any_of(expected_, [&](const Expected& e) { return e.text == expected; });
  if (!known) expected_.push_back({expected, false});
}

bool Parser::at(TokenKind kind) {
  if (now().is(kind)) return true;
  note(token_text(kind));
  return false;
}

bool Parser::at(std::string_view word) {
  if (now().is(word)) return true;
  if (panic_) return false;
  const bool known =
      std::ranges::any_of(expected_, [&](const Expected& e) { return e.word && e.text == word; });
  if (!known) expected_.push_back({word, true});
  return false;
}

bool Parser::accept(TokenKind kind) {
  if (!at(kind)) return false;
  take();
  return true;
}

bool Parser::accept(std::string_view word) {
  if (at(word)) {
    take();
    if (!begins_clause()) skip_doubled(word);
    return true;
  }
  const Token& token = now();
  if (!token.is(TokenKind::kName) || is_keyword(token.text)) return false;
  const std::size_t distance = edit_distance(token.text, word, word.size() >= 8 ? 2 : 1);
  if (distance == 0) {
    remark(Code::kE0117, here(), fmt::format("`{}` is written in small letters", word),
           fmt::format("write `{}`", word), Edit{here(), std::string(word)});
  } else if (word.size() >= 4 && distance <= (word.size() >= 8 ? 2U : 1U)) {
    remark(Code::kE0101, here(), fmt::format("expected `{}`, found `{}`", word, token.text),
           fmt::format("did you mean `{}`?", word), Edit{here(), std::string(word)});
  } else {
    return false;
  }
  take();
  return true;
}

bool Parser::accept_operator(std::string_view word) {
  const std::size_t noted = expected_.size();
  if (accept(word)) return true;
  if (expected_.size() > noted) expected_.pop_back();
  return false;
}

bool Parser::expect(TokenKind kind) {
  if (accept(kind)) return true;
  fail_expected();
  return false;
}

bool Parser::expect(std::string_view word) {
  if (accept(word)) return true;
  fail_expected();
  return false;
}

SourceSpan Parser::here() {
  const Token& token = current();
  if (token.is(TokenKind::kEnd)) return {last_.file, last_.end, last_.end};
  return lexer_.span(token);
}

SourceSpan Parser::since(SourceSpan begin) const {
  return {begin.file, begin.begin, std::max(begin.begin, last_.end)};
}

// ---- mistakes
void Parser::report(Diagnostic diagnostic) {
  if (!abandoned_) mistakes_.report(std::move(diagnostic));
}

void Parser::remark(Code code, SourceSpan span, std::string message, std::string label,
                    std::optional<Edit> edit, std::vector<std::string> helps) {
  if (panic_) return;
  Diagnostic diagnostic;
  diagnostic.code = code;
  diagnostic.message = std::move(message);
  diagnostic.primary = {span, std::move(label)};
  diagnostic.helps = std::move(helps);
  diagnostic.edit = std::move(edit);
  report(std::move(diagnostic));
}

void Parser::fail(Code code, std::string message, std::string label,
                  std::vector<std::string> helps) {
  if (panic_) return;
  // A second failure at one token follows from the first.
  const bool known =
      failed_at_ == current().begin || current().bad || current().doubtful || guessed_;
  failed_at_ = current().begin;
  if (!known)
    remark(code, here(), std::move(message), std::move(label), std::nullopt, std::move(helps));
  panic_ = true;
  broken_ = true;
}

std::string Parser::found(const Token& token) const {
  if (token.is(TokenKind::kEnd))
    return in_message_ ? "the end of the message" : "the end of the file";
  if (token.is(TokenKind::kString)) return "a string";
  constexpr std::size_t kShown = 30;
  std::string text(lexer_.text().text.substr(token.begin, token.end - token.begin));
  if (text.size() > kShown) return std::string(token_text(token.kind));
  return token.is(TokenKind::kQuotedName) ? "the name " + text : "`" + text + "`";
}

std::string Parser::expected_list() const {
  std::string list;
  for (std::size_t i = 0; i < expected_.size(); ++i) {
    if (i > 0) list += i + 1 == expected_.size() ? " or " : ", ";
    list +=
        expected_[i].word ? fmt::format("`{}`", expected_[i].text) : std::string(expected_[i].text);
  }
  return list;
}

void Parser::fail_expected(std::string_view what, std::vector<std::string> helps) {
  if (panic_) return;
  if (!what.empty()) note(what);
  const Token& token = current();
  std::string label;
  if (token.is(TokenKind::kName)) {
    std::vector<std::string> words;
    for (const Expected& expected : expected_) {
      if (expected.word) words.emplace_back(expected.text);
    }
    if (const auto near = nearest(token.text, words))
      label = fmt::format("did you mean `{}`?", *near);
  }
  if (expected_.empty()) {
    fail(Code::kE0101, fmt::format("{} does not belong here", found(token)), std::move(label),
         std::move(helps));
  } else {
    fail(Code::kE0101, fmt::format("expected {}, found {}", expected_list(), found(token)),
         std::move(label), std::move(helps));
  }
}

bool Parser::enter() {
  if (++nesting_ <= tree::kNestingMax) return true;
  if (!panic_ && !too_deep_) {
    fail(Code::kE0115, fmt::format("more than {} levels inside each other", tree::kNestingMax), "",
         {"give parts of it names, with `kind` or `feature`"});
  }
  panic_ = broken_ = abandoned_ = too_deep_ = true;
  return false;
}

// ---- small things
tree::Name Parser::name(std::string_view what) {
  const Token& token = now();
  if (!token.is(TokenKind::kName) && !token.is(TokenKind::kQuotedName)) {
    fail_expected(what);
    return {{}, here(), false};
  }
  tree::Name name{token.text, here(), token.is(TokenKind::kQuotedName)};
  take();
  take_joined(name);
  return name;
}

std::optional<tree::StringLiteral> Parser::string(std::string_view what) {
  if (!now().is(TokenKind::kString)) {
    fail_expected(what);
    return std::nullopt;
  }
  tree::StringLiteral literal{now().text, here()};
  take();
  return literal;
}

std::optional<tree::IntLiteral> Parser::integer(std::string_view what) {
  if (!now().is(TokenKind::kInt)) {
    fail_expected(what);
    return std::nullopt;
  }
  const std::int64_t value = now().bad ? 1 : static_cast<std::int64_t>(now().value.number);
  tree::IntLiteral literal{value, here(), now().text};
  take();
  return literal;
}

std::optional<tree::DurationLiteral> Parser::duration(bool positive) {
  const Token& token = now();
  if (token.is(TokenKind::kDuration)) {
    constexpr cep::Duration kUnread{60'000'000};
    const cep::Duration value =
        token.bad ? kUnread : cep::Duration{static_cast<std::int64_t>(token.value.number)};
    tree::DurationLiteral literal{value, here(), token.text};
    take();
    return literal;
  }
  struct Unit {
    std::string_view written, meant;
  };
  // `"10m"`, `day`
  constexpr Unit kAlone[] = {{"second", "1s"}, {"minute", "1m"}, {"hour", "1h"},  {"day", "1d"},
                             {"week", "1w"},   {"month", "30d"}, {"year", "365d"}};
  // A month is no length of time.
  const auto calendar_helps = [](std::string_view word) {
    std::vector<std::string> helps;
    for (const auto unit : {cep::CalendarUnit::kMonth, cep::CalendarUnit::kYear}) {
      const std::string_view text = cep::unit_name(unit);
      if (!word.starts_with(text)) continue;
      helps.push_back(
          fmt::format("{0}s differ in length; of the calendar are `over this {0} in "
                      "\"Europe/Berlin\"` and `once per {0} in \"Europe/Berlin\"`",
                      text));
    }
    return helps;
  };
  const std::string alone = token.is(TokenKind::kName) ? lowered(token.text) : std::string();
  const auto* unit_alone = std::ranges::find(kAlone, alone, &Unit::written);
  const bool quoted = token.is(TokenKind::kString) && cep::parse_duration(token.text);
  if (quoted || unit_alone != std::end(kAlone)) {
    const std::string meant = quoted ? token.text : std::string(unit_alone->meant);
    const SourceSpan span = here();
    remark(Code::kE0117, span,
           quoted ? "a duration stands without quotes"
                  : "a duration is a number with its unit behind it",
           fmt::format("write `{}`", meant), Edit{span, meant}, calendar_helps(alone));
    take();
    return tree::DurationLiteral{*cep::parse_duration(meant), span, meant};
  }
  // `10 minutes`, `10 m`, and `0`.
  if (token.is(TokenKind::kInt) && !token.bad) {
    constexpr Unit kUnits[] = {{"ms", "ms"},
                               {"s", "s"},
                               {"m", "m"},
                               {"h", "h"},
                               {"d", "d"},
                               {"w", "w"},
                               {"second", "s"},
                               {"seconds", "s"},
                               {"sec", "s"},
                               {"minute", "m"},
                               {"minutes", "m"},
                               {"min", "m"},
                               {"hour", "h"},
                               {"hours", "h"},
                               {"day", "d"},
                               {"days", "d"},
                               {"week", "w"},
                               {"weeks", "w"},
                               {"millisecond", "ms"},
                               {"milliseconds", "ms"}};
    const std::string digits = token.text;
    const SourceSpan begin = here();
    std::string_view meant;
    SourceSpan whole = begin;
    std::string small;
    if (ahead().is(TokenKind::kName)) {
      small = lowered(ahead().text);
      const auto* unit = std::ranges::find(kUnits, small, &Unit::written);
      if (unit != std::end(kUnits)) meant = unit->meant;
      whole.end = lexer_.span(ahead()).end;
    }
    // `3 months`
    if (const std::vector<std::string> helps = calendar_helps(small);
        !helps.empty() && token.value.number > 0 && token.value.number < 1'000) {
      const int days = static_cast<int>(token.value.number) * (small.starts_with("m") ? 30 : 365);
      const std::string fixed = fmt::format("{}d", days);
      remark(Code::kE0117, whole, "a duration is a number with its unit behind it",
             fmt::format("write `{}`", fixed), Edit{whole, fixed}, helps);
      take();
      take();
      return tree::DurationLiteral{*cep::parse_duration(fixed), whole, fixed};
    }
    const bool zero = meant.empty() && token.value.number == 0;
    if (zero) whole = begin;
    if (zero || !meant.empty()) {
      const std::string fixed = digits + std::string(zero ? "s" : meant);
      if (const auto value = cep::parse_duration(fixed)) {
        // That it is too short is told once the clause is checked.
        if (!zero || !positive) {
          remark(Code::kE0117, whole, "a duration is a number with its unit behind it",
                 fmt::format("write `{}`", fixed), Edit{whole, fixed});
        }
        take();
        if (!zero) take();
        return tree::DurationLiteral{*value, whole, fixed};
      }
    }
  }
  std::vector<std::string> helps;
  if (token.is(TokenKind::kName) && lowered(token.text) == "interval") {
    fail(Code::kE0117, fmt::format("the language has no `{}`", token.text), "",
         {"a duration is a number with its unit behind it: `5m`"});
    return std::nullopt;
  }
  if (token.is(TokenKind::kInt))
    helps.emplace_back("a unit stands directly behind the number: `ms`, `s`, `m`, `h`, `d`, `w`");
  fail_expected("a duration such as `10m`", std::move(helps));
  return std::nullopt;
}

tree::Word Parser::word(std::string_view what) {
  const Token& token = now();
  if (token.is(TokenKind::kString)) {
    tree::Word word{token.text, here(), true};
    take();
    return word;
  }
  const tree::Name plain = name(what);
  return {plain.text, plain.span, !is_plain_name(plain.text)};
}

// After a comma in a list of a clause: true when the next clause begins instead of one more
// element.
bool Parser::comma_before_clause() {
  const bool more = !begins_anew() && !now().is(TokenKind::kBraceClose);
  if (more) return false;
  remark(Code::kE0125, last(), "a comma too many", "nothing follows it", Edit{last(), ""});
  return true;
}

// `tags ["a", "b"]`: the values of a clause stand in no brackets.
bool Parser::skip_list_bracket(TokenKind bracket) {
  if (panic_ || !now().is(bracket)) return false;
  if (bracket == TokenKind::kBracketOpen) {
    remark(Code::kE0117, here(), "the values of a clause stand in no brackets",
           "leave the brackets out");
  }
  take();
  return true;
}

std::vector<tree::Word> Parser::words(std::string_view what) {
  std::vector<tree::Word> words;
  const bool bracket = skip_list_bracket(TokenKind::kBracketOpen);
  do {
    words.push_back(word(what));
  } while (accept(TokenKind::kComma) && !comma_before_clause());
  if (bracket) skip_list_bracket(TokenKind::kBracketClose);
  return words;
}

std::vector<tree::StringLiteral> Parser::strings(std::string_view what) {
  std::vector<tree::StringLiteral> strings;
  const bool bracket = skip_list_bracket(TokenKind::kBracketOpen);
  do {
    if (auto literal = string(what)) strings.push_back(std::move(*literal));
  } while (accept(TokenKind::kComma) && !comma_before_clause());
  if (bracket) skip_list_bracket(TokenKind::kBracketClose);
  return strings;
}

std::vector<tree::Name> Parser::names(std::string_view what) {
  std::vector<tree::Name> names;
  do {
    names.push_back(name(what));
  } while (accept(TokenKind::kComma) && !comma_before_clause());
  return names;
}
}  // namespace tocsin::rules
