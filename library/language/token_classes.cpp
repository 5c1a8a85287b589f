#include "library/language/token_classes.h"

#include <algorithm>
#include <array>
#include <optional>

#include "library/language/text_tokens.h"
#include "library/language/word_docs.h"
#include "rules/syntax/keywords.h"

namespace tocsin::library {
using rules::SymbolKind;
using rules::Token;
using rules::TokenKind;

namespace {
TokenClass class_of(SymbolKind kind) {
  switch (kind) {
    case SymbolKind::kEvent:
    case SymbolKind::kKind:
      return TokenClass::kEventType;
    case SymbolKind::kField:
    case SymbolKind::kKeyColumn:
    case SymbolKind::kColumn:
    case SymbolKind::kAlertField:
      return TokenClass::kProperty;
    case SymbolKind::kKey:
    case SymbolKind::kKeyPart:
    case SymbolKind::kRole:
    case SymbolKind::kStep:
      return TokenClass::kVariable;
    case SymbolKind::kList:
    case SymbolKind::kTable:
    case SymbolKind::kConstant:
      return TokenClass::kConstant;
    case SymbolKind::kFeature:
      return TokenClass::kFeature;
    case SymbolKind::kRule:
      return TokenClass::kRule;
    case SymbolKind::kTest:
      return TokenClass::kString;
  }
  return TokenClass::kVariable;
}

std::optional<TokenClass> class_of_mark(TokenKind kind) {
  switch (kind) {
    case TokenKind::kEqual:
    case TokenKind::kNotEqual:
    case TokenKind::kLess:
    case TokenKind::kLessEqual:
    case TokenKind::kGreater:
    case TokenKind::kGreaterEqual:
    case TokenKind::kPlus:
    case TokenKind::kMinus:
    case TokenKind::kStar:
    case TokenKind::kSlash:
    case TokenKind::kPercent:
    case TokenKind::kBar:
    case TokenKind::kQuestion:
    case TokenKind::kDotDot:
      return TokenClass::kOperator;
    default:
      return std::nullopt;
  }
}

// A word that no declaration explains.
std::optional<TokenClass> class_of_word(const std::vector<Token>& tokens, std::size_t at) {
  const Token& token = tokens[at];
  const bool is_call = at + 1 < tokens.size() && tokens[at + 1].is(TokenKind::kParenOpen);
  const bool after_dot = at > 0 && tokens[at - 1].is(TokenKind::kDot);
  const bool is_label = at + 1 < tokens.size() && tokens[at + 1].is(TokenKind::kColon);
  if (after_dot && token.text != "first" && token.text != "last") return std::nullopt;
  if (is_call && (find_word(token.text, WordClass::kFunction) != nullptr ||
                  find_word(token.text, WordClass::kAggregate) != nullptr)) {
    return TokenClass::kFunction;
  }
  if (is_label) return TokenClass::kProperty;
  if (rules::is_severity(token.text) || rules::is_status(token.text)) {
    return TokenClass::kEnumMember;
  }
  if (rules::is_keyword(token.text)) return TokenClass::kKeyword;
  if (rules::is_placed_word(token.text) || rules::is_type_word(token.text)) {
    return TokenClass::kKeyword;
  }
  if (rules::aggregate_named(token.text)) return TokenClass::kFunction;
  return TokenClass::kEnumMember;
}

std::optional<ClassedToken> classed(const CheckedPack& pack, std::uint32_t file,
                                    const std::vector<Token>& tokens, std::size_t at) {
  const Token& token = tokens[at];
  ClassedToken out{token.begin, token.end, TokenClass::kKeyword, false};
  const auto as = [&](TokenClass is) {
    out.is = is;
    return std::optional(out);
  };
  if (token.is(TokenKind::kName) || token.is(TokenKind::kQuotedName)) {
    const rules::SourceSpan span{file, token.begin, token.end};
    if (const std::vector<SymbolPlace> symbols = pack.symbols_of(span); !symbols.empty()) {
      const rules::Symbol& symbol = pack.symbols()[symbols.front()];
      out.declares = symbol.name_span.file == file && symbol.name_span.begin == token.begin;
      return as(class_of(symbol.kind));
    }
    if (token.is(TokenKind::kQuotedName)) return std::nullopt;
    const std::optional<TokenClass> is = class_of_word(tokens, at);
    return is ? as(*is) : std::nullopt;
  }
  if (token.is(TokenKind::kString)) return as(TokenClass::kString);
  if (token.is(TokenKind::kRegex)) return as(TokenClass::kRegex);
  if (rules::is_literal(token.kind)) return as(TokenClass::kNumber);
  const std::optional<TokenClass> mark = class_of_mark(token.kind);
  return mark ? as(*mark) : std::nullopt;
}
}  // namespace

std::span<const std::string_view> token_class_names() {
  static constexpr std::array<std::string_view, 14> kNames = {
      "comment",  "keyword",  "string",    "number", "regexp", "operator", "type",
      "property", "variable", "parameter", "macro",  "class",  "function", "enumMember"};
  return kNames;
}

std::vector<ClassedToken> classed_tokens(const CheckedPack& pack, std::uint32_t file) {
  const std::string_view text = pack.sources().text(file);
  const std::vector<Token> tokens = tokens_of(text);
  std::vector<ClassedToken> out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (const std::optional<ClassedToken> token = classed(pack, file, tokens, i)) {
      out.push_back(*token);
    }
  }
  for (const CommentPlace& comment : comments_of(text, tokens)) {
    out.push_back({comment.begin, comment.end, TokenClass::kComment, false});
  }
  std::ranges::sort(out, {}, &ClassedToken::begin);
  return out;
}
}  // namespace tocsin::library
