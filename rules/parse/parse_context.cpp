#include "rules/parse/parse_context.h"

#include <fmt/format.h>

#include <utility>

#include "rules/parse/construct_start.h"
#include "rules/syntax/keywords.h"
#include "rules/text/suggest.h"

namespace tocsin::rules {
ParseContext::ParseContext(LexedText text, std::uint32_t begin, MistakeCounter& mistakes,
                           int nesting)
    : TokenCursor(text, begin, mistakes), mistakes_(mistakes), nesting_(nesting) {}

// ---- tokens
Token ParseContext::take() {
  if (panicking()) return {};
  Token token = advance();
  if (token.is(TokenKind::kEnd)) return token;
  if (token.bad) broken = true;
  if (token.doubtful) guessed = true;
  skip_doubled_operand(token);
  return token;
}

bool ParseContext::accept(TokenKind kind) {
  if (!at(kind)) return false;
  take();
  return true;
}

bool ParseContext::accept(std::string_view word) {
  if (at(word)) {
    take();
    if (!begins_clause(*this)) skip_doubled(word);
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

bool ParseContext::accept_operator(std::string_view word) {
  const std::size_t noted = expected().size();
  if (accept(word)) return true;
  forget_expected(noted);
  return false;
}

bool ParseContext::expect(TokenKind kind) {
  if (accept(kind)) return true;
  fail_expected();
  return false;
}

bool ParseContext::expect(std::string_view word) {
  if (accept(word)) return true;
  fail_expected();
  return false;
}

void ParseContext::skip_doubled(std::string_view word) {
  if (panicking() || word == "not" || !now().is(word) || now().line_start) return;
  const Token& next = ahead();
  const bool named = word == "rule" || word == "test" || word == "allow";
  if (named && next.is(TokenKind::kString)) return;  // a rule of this name
  const bool goes_on = next.is(TokenKind::kQuotedName) || is_literal(next.kind) ||
                       (next.is(TokenKind::kBraceOpen) && word == "of") ||
                       (next.is(TokenKind::kName) && !is_keyword(next.text));
  if (!goes_on || next.line_start) return;
  remark(Code::kE0101, here(), fmt::format("`{}` appears twice", word), "leave one out",
         Edit{here(), ""});
  take();
}

// A name or a literal directly behind the same one.
void ParseContext::skip_doubled_operand(const Token& token) {
  const bool name = token.is(TokenKind::kName) && !is_keyword(token.text) &&
                    !aggregate_named(token.text);  // `usual = avg avg`
  // Behind a duration the next line of a test may begin with one.
  const bool literal = is_literal(token.kind) && !token.is(TokenKind::kDuration);
  if ((!name && !literal) || token.bad) return;
  const Token& next = current();
  if (next.line_start || next.kind != token.kind || next.text != token.text || next.bad) return;
  remark(Code::kE0101, here(), fmt::format("{} appears twice", found(next)), "leave one out",
         Edit{here(), ""});
  drop();
}

// ---- mistakes
void ParseContext::report(Diagnostic diagnostic) {
  if (!abandoned) mistakes_.report(std::move(diagnostic));
}

void ParseContext::remark(Code code, SourceSpan span, std::string message, std::string label,
                          std::optional<Edit> edit, std::vector<std::string> helps) {
  if (panicking()) return;
  Diagnostic diagnostic;
  diagnostic.code = code;
  diagnostic.message = std::move(message);
  diagnostic.primary = {span, std::move(label)};
  diagnostic.helps = std::move(helps);
  diagnostic.edit = std::move(edit);
  report(std::move(diagnostic));
}

void ParseContext::fail(Code code, std::string message, std::string label,
                        std::vector<std::string> helps) {
  if (panicking()) return;
  // A second failure at one token follows from the first.
  const bool known = failed_at == current().begin || current().bad || current().doubtful || guessed;
  failed_at = current().begin;
  if (!known)
    remark(code, here(), std::move(message), std::move(label), std::nullopt, std::move(helps));
  panic();
  broken = true;
}

std::string ParseContext::found(const Token& token) const {
  if (token.is(TokenKind::kEnd))
    return in_message() ? "the end of the message" : "the end of the file";
  if (token.is(TokenKind::kString)) return "a string";
  constexpr std::size_t kShown = 30;
  const std::string written(text().substr(token.begin, token.end - token.begin));
  if (written.size() > kShown) return std::string(token_text(token.kind));
  return token.is(TokenKind::kQuotedName) ? "the name " + written : "`" + written + "`";
}

std::string ParseContext::expected_list() const {
  std::string list;
  const std::vector<ExpectedToken>& all = expected();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i > 0) list += i + 1 == all.size() ? " or " : ", ";
    list += all[i].word ? fmt::format("`{}`", all[i].text) : std::string(all[i].text);
  }
  return list;
}

void ParseContext::fail_expected(std::string_view what, std::vector<std::string> helps) {
  if (panicking()) return;
  if (!what.empty()) note(what);
  const Token& token = current();
  std::string label;
  if (token.is(TokenKind::kName)) {
    std::vector<std::string> words;
    for (const ExpectedToken& looked_for : expected()) {
      if (looked_for.word) words.emplace_back(looked_for.text);
    }
    if (const auto near = nearest(token.text, words))
      label = fmt::format("did you mean `{}`?", *near);
  }
  if (expected().empty()) {
    fail(Code::kE0101, fmt::format("{} does not belong here", found(token)), std::move(label),
         std::move(helps));
  } else {
    fail(Code::kE0101, fmt::format("expected {}, found {}", expected_list(), found(token)),
         std::move(label), std::move(helps));
  }
}

void ParseContext::give_up() {
  panic();
  broken = abandoned = too_deep = true;
}

bool ParseContext::enter() {
  if (++nesting_ <= tree::kNestingMax) return true;
  if (!panicking() && !too_deep) {
    fail(Code::kE0115, fmt::format("more than {} levels inside each other", tree::kNestingMax), "",
         {"give parts of it names, with `kind` or `feature`"});
  }
  give_up();
  return false;
}

std::string ParseContext::source(SourceSpan span) const {
  constexpr std::size_t kLongest = 80;
  if (in_message() || span.end <= span.begin || span.end - span.begin > kLongest) return {};
  std::string written(text().substr(span.begin, span.end - span.begin));
  return written.find_first_of("\r\n`#") == std::string::npos ? written : std::string();
}

std::string ParseContext::own_kind(SourceSpan span) const {
  std::string text = source(span);
  return text.empty() ? "payment" : text;
}
}  // namespace tocsin::rules
