#include "library/language/signature.h"

#include <algorithm>
#include <iterator>

#include "library/language/text_tokens.h"
#include "library/language/word_docs.h"
#include "rules/syntax/keywords.h"

namespace tocsin::library {
using rules::Token;
using rules::TokenKind;

namespace {
struct OpenBracket {
  TokenKind kind;
  const Token* callee = nullptr;  // null: brackets that are no call
  std::size_t commas = 0;
};

// The name before a `(` that calls a function or an aggregate. `first (A or B)` is no call.
const Token* callee_before(const std::vector<Token>& tokens, std::size_t opening) {
  if (opening == 0 || !tokens[opening].is(TokenKind::kParenOpen)) return nullptr;
  const Token& name = tokens[opening - 1];
  if (!name.is(TokenKind::kName)) return nullptr;
  const bool is_apart = name.end != tokens[opening].begin;
  if (is_apart && find_word(name.text, WordClass::kOther) != nullptr) return nullptr;
  const bool is_known = find_word(name.text, WordClass::kFunction) != nullptr ||
                        find_word(name.text, WordClass::kAggregate) != nullptr;
  return is_known ? &name : nullptr;
}

bool begins_declaration(std::string_view text, const Token& token) {
  return token.is(TokenKind::kName) && (token.begin == 0 || text[token.begin - 1] == '\n') &&
         rules::is_declaration_keyword(token.text);
}

// What is open before a byte, outermost first.
std::vector<OpenBracket> open_at(std::string_view text, const std::vector<Token>& tokens,
                                 std::uint32_t byte) {
  std::vector<OpenBracket> open;
  for (std::size_t i = 0; i < tokens.size() && tokens[i].end <= byte; ++i) {
    const Token& token = tokens[i];
    if (begins_declaration(text, token)) open.clear();
    if (token.is(TokenKind::kComma) && !open.empty()) ++open.back().commas;
    if (rules::is_opening(token.kind)) open.push_back({token.kind, callee_before(tokens, i)});
    const TokenKind opening = rules::opening_of(token.kind);
    if (opening == TokenKind::kEnd) continue;
    while (!open.empty() && open.back().kind != opening) open.pop_back();
    if (!open.empty()) open.pop_back();
  }
  return open;
}

// Whether a byte behind a string's begin lies in it; one that is not closed goes on to its line's
// end, whatever of that the lexer has left to the next token.
bool is_within(std::string_view text, const Token& string, std::uint32_t byte) {
  if (string.end > byte) return true;
  const bool is_closed = string.end - string.begin > 1 && text[string.end - 1] == '"';
  const std::string_view between = text.substr(string.begin, byte - string.begin);
  return !is_closed && between.find('\n') == std::string_view::npos;
}

// The text from the `{` in an alert's message whose `}` comes behind the byte, up to the byte.
std::optional<std::string_view> part_of_message(std::string_view text,
                                                const std::vector<Token>& tokens,
                                                std::uint32_t byte) {
  const auto string = std::ranges::find_if(tokens, [&](const Token& token) {
    return token.is(TokenKind::kString) && token.begin < byte && is_within(text, token, byte);
  });
  if (string == tokens.end() || string == tokens.begin() || !std::prev(string)->is("alert"))
    return std::nullopt;
  std::optional<std::uint32_t> begin;
  for (std::uint32_t at = string->begin + 1; at < byte; ++at) {
    if (begin) {
      if (text[at] == '}') begin.reset();
    } else if (text[at] == '{') {
      if (at + 1 < byte && text[at + 1] == '{') {
        ++at;  // a brace as it stands
      } else {
        begin = at + 1;
      }
    }
  }
  if (!begin) return std::nullopt;
  return text.substr(*begin, byte - *begin);
}

Signature signature_of(const WordDoc& doc, std::size_t commas) {
  Signature signature{std::string(doc.form), std::string(doc.meaning), {}, 0};
  const std::string_view form = doc.form;
  const std::size_t end = form.rfind(')');
  for (std::size_t at = form.find('(') + 1; at < end;) {
    const std::size_t comma = std::min(form.find(", ", at), end);
    signature.parameters.push_back(
        {std::string(form.substr(at, comma - at)), static_cast<std::uint32_t>(at)});
    at = comma + 2;
  }
  if (!signature.parameters.empty())
    signature.active = std::min(commas, signature.parameters.size() - 1);
  return signature;
}
}  // namespace

std::optional<CallSignatures> signatures_at(std::string_view text, std::uint32_t byte) {
  std::vector<Token> tokens = tokens_of(text);
  if (const auto part = part_of_message(text, tokens, byte)) {
    text = *part;
    byte = static_cast<std::uint32_t>(part->size());
    tokens = tokens_of(text);
  }
  // Brackets that are no call are within an argument of the call around them.
  const std::vector<OpenBracket> open = open_at(text, tokens, byte);
  const auto call = std::ranges::find_if(open.rbegin(), open.rend(), [](const OpenBracket& each) {
    return each.callee != nullptr || each.kind == TokenKind::kBraceOpen;
  });
  if (call == open.rend() || call->callee == nullptr) return std::nullopt;
  CallSignatures found;
  for (const WordClass of : {WordClass::kAggregate, WordClass::kFunction}) {
    const WordDoc* doc = find_word(call->callee->text, of);
    if (doc == nullptr) continue;
    // An aggregate of the same name takes one argument.
    if (call->commas > 0) found.likely = found.forms.size();
    found.forms.push_back(signature_of(*doc, call->commas));
  }
  return found;
}
}  // namespace tocsin::library
