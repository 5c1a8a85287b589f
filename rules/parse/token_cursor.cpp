#include "rules/parse/token_cursor.h"

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "cep/value/time.h"

namespace tocsin::rules {
TokenCursor::TokenCursor(LexedText text, std::uint32_t begin, MistakeCounter& mistakes)
    : lexer_(text, begin, mistakes),
      last_(text.span(begin > 0 ? begin - 1 : 0, begin)),
      in_message_(text.places != nullptr) {}

const Token& TokenCursor::current() {
  if (!now_) now_ = lexer_.next();
  return *now_;
}

const Token& TokenCursor::now() {
  static const Token kNothing;
  return panic_ ? kNothing : current();
}

const Token& TokenCursor::ahead(std::size_t count) {
  static const Token kUnread;
  current();
  while (ahead_.size() < count) {
    if ((ahead_.empty() ? *now_ : ahead_.back()).is(TokenKind::kSlash)) return kUnread;
    ahead_.push_back(lexer_.next());
  }
  return ahead_[count - 1];
}

bool TokenCursor::at(TokenKind kind) {
  if (now().is(kind)) return true;
  note(token_text(kind));
  return false;
}

bool TokenCursor::at(std::string_view word) {
  if (now().is(word)) return true;
  if (panic_) return false;
  const bool known = std::ranges::any_of(
      expected_, [&](const ExpectedToken& e) { return e.word && e.text == word; });
  if (!known) expected_.push_back({word, true});
  return false;
}

void TokenCursor::note(std::string_view expected) {
  if (panic_) return;
  const bool known =
      std::ranges::any_of(expected_, [&](const ExpectedToken& e) { return e.text == expected; });
  if (!known) expected_.push_back({expected, false});
}

void TokenCursor::forget_expected(std::size_t count) {
  if (expected_.size() > count) expected_.resize(count);
}

SourceSpan TokenCursor::here() {
  const Token& token = current();
  if (token.is(TokenKind::kEnd)) return {last_.file, last_.end, last_.end};
  return lexer_.span(token);
}

SourceSpan TokenCursor::since(SourceSpan begin) const {
  return {begin.file, begin.begin, std::max(begin.begin, last_.end)};
}

void TokenCursor::read_as(std::string_view text) { now_->text = text; }

void TokenCursor::read_as(TokenKind kind) { now_->kind = kind; }

void TokenCursor::read_as_duration(std::string_view text) {
  now_->kind = TokenKind::kDuration;
  now_->text = text;
  now_->value = cep::Value::duration(*cep::parse_duration(text));
}

void TokenCursor::insert_word(std::string_view word) {
  ahead_.push_front(current());
  now_->kind = TokenKind::kName;
  now_->text = word;
}

void TokenCursor::drop() {
  now_.reset();
  if (ahead_.empty()) return;
  now_ = std::move(ahead_.front());
  ahead_.pop_front();
}

void TokenCursor::read_regex() {
  TOCSIN_ASSERT(ahead_.empty(), "nothing is read behind a `/`");
  now_ = lexer_.regex_from(*now_);
}

Token TokenCursor::advance() {
  Token token = std::move(*now_);
  drop();
  expected_.clear();
  if (token.is(TokenKind::kEnd)) {
    now_ = token;
    return token;
  }
  if (places_ != nullptr)
    places_->push_back({token.kind, token.begin, token.end, token.line_start});
  last_ = lexer_.span(token);
  last_kind_ = token.kind;
  last_word_ = token.is(TokenKind::kName) ? token.text : std::string();
  brackets.take(token, lexer_.text().text);
  return token;
}
}  // namespace tocsin::rules
