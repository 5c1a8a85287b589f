#include "library/language/signature.h"

#include <algorithm>

#include "library/language/text_tokens.h"
#include "library/language/word_docs.h"

namespace tocsin::library {
using rules::Token;
using rules::TokenKind;

namespace {
struct OpenCall {
  const Token* name = nullptr;  // null: brackets that are no call
  std::size_t commas = 0;
};

std::vector<std::string> parameters_of(std::string_view form) {
  std::vector<std::string> parameters;
  const std::size_t begin = form.find('(');
  const std::size_t end = form.rfind(')');
  if (begin == std::string_view::npos || end == std::string_view::npos) return parameters;
  for (std::size_t at = begin + 1; at < end;) {
    const std::size_t comma = std::min(form.find(", ", at), end);
    parameters.emplace_back(form.substr(at, comma - at));
    at = comma + 2;
  }
  return parameters;
}
}  // namespace

std::optional<Signature> signature_at(std::string_view text, std::uint32_t byte) {
  std::vector<OpenCall> open;
  const std::vector<Token> tokens = tokens_of(text);
  for (std::size_t i = 0; i < tokens.size() && tokens[i].end <= byte; ++i) {
    if (tokens[i].is(TokenKind::kComma) && !open.empty()) ++open.back().commas;
    if (rules::is_opening(tokens[i].kind)) {
      const bool is_call = tokens[i].is(TokenKind::kParenOpen) && i > 0 &&
                           tokens[i - 1].is(TokenKind::kName) &&
                           tokens[i - 1].end == tokens[i].begin;
      open.push_back({is_call ? &tokens[i - 1] : nullptr, 0});
    }
    if (rules::opening_of(tokens[i].kind) != TokenKind::kEnd && !open.empty()) open.pop_back();
  }
  if (open.empty() || open.back().name == nullptr) return std::nullopt;
  const std::string& name = open.back().name->text;
  const WordDoc* doc = find_word(name, WordClass::kAggregate);
  if (doc == nullptr || open.back().commas > 0) {
    if (const WordDoc* function = find_word(name, WordClass::kFunction)) doc = function;
  }
  if (doc == nullptr) return std::nullopt;
  Signature signature{std::string(doc->form), std::string(doc->meaning), parameters_of(doc->form),
                      0};
  if (!signature.parameters.empty()) {
    signature.active = std::min(open.back().commas, signature.parameters.size() - 1);
  }
  return signature;
}
}  // namespace tocsin::library
