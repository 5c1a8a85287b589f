#include "rules/format/token_printer.h"

#include <utility>

#include "cep/value/quoted.h"
#include "cep/value/time.h"
#include "cep/value/value.h"

namespace tocsin::rules {
std::string name_text(const tree::Name& name) {
  return name.quoted ? "`" + name.text + "`" : name.text;
}

void TokenPrinter::drop() {
  const SourceToken& token = source_->tokens()[next_];
  for (std::uint32_t i = token.comments_begin; i < token.comments_end; ++i) {
    const Comment& comment = source_->comments()[i];
    layout_.comment(comment.text, comment.own_line, comment.blank_before);
  }
  if (token.kind != TokenKind::kEnd) ++next_;
}

const SourceToken& TokenPrinter::take(std::string_view expected) {
  const auto surplus = [&](const SourceToken& token) {
    return (token.kind == TokenKind::kParenOpen || token.kind == TokenKind::kParenClose) &&
           token.text != expected;
  };
  while (surplus(source_->tokens()[next_])) drop();
  const SourceToken& token = source_->tokens()[next_];
  drop();
  return token;
}

void TokenPrinter::end() {
  if (source_ != nullptr) take("");
  layout_.text("");
}

void TokenPrinter::mark(std::string_view text) {
  if (source_ == nullptr) return layout_.own_text(std::string(text));
  const SourceToken& token = take(text);
  layout_.text(token.text, token.blank_before);
}

void TokenPrinter::marks(std::string_view text) {
  for (;;) {
    const std::size_t end = text.find(' ');
    mark(text.substr(0, end));
    if (end == std::string_view::npos) return;
    blank();
    text.remove_prefix(end + 1);
  }
}

void TokenPrinter::word(std::string_view text) {
  marks(text);
  blank();
}

void TokenPrinter::leaf(std::string text) {
  if (source_ == nullptr) return layout_.own_text(std::move(text));
  const SourceToken& token = take("");
  layout_.text(token.text, token.blank_before);
}

void TokenPrinter::name(const tree::Name& name) { leaf(name_text(name)); }

void TokenPrinter::name(const tree::Word& word) {
  leaf(word.string ? cep::quoted(word.text) : word.text);
}

void TokenPrinter::string(const tree::StringLiteral& literal) { leaf(cep::quoted(literal.text)); }

void TokenPrinter::integer(const tree::IntLiteral& literal) {
  leaf(literal.text.empty() ? std::to_string(literal.value) : literal.text);
}

void TokenPrinter::duration(const tree::DurationLiteral& literal) {
  leaf(literal.text.empty() ? cep::format_duration(literal.value) : literal.text);
}

bool TokenPrinter::source_is_at(TokenKind kind) const {
  return source_ != nullptr && source_->tokens()[next_].kind == kind;
}

void TokenPrinter::optional_comma() {
  // What closes parentheses around parentheses still stands before it.
  while (source_is_at(TokenKind::kParenClose)) drop();
  if (source_is_at(TokenKind::kComma)) drop();
  layout_.if_broken(",");
}

void TokenPrinter::may_break() {
  group([this] { layout_.line_break(BreakForm::kBlank, BreakRole::kFill); });
}
}  // namespace tocsin::rules
