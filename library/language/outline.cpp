#include "library/language/outline.h"

#include <algorithm>
#include <string_view>

#include "library/language/text_lines.h"
#include "library/language/text_tokens.h"

namespace tocsin::library {
using rules::SourceSpan;
using rules::Token;
using rules::TokenKind;

namespace {
// Calls `visit(open, close)` for each pair of brackets, the inner before the outer.
template <typename Visit>
void for_each_pair(const std::vector<Token>& tokens, Visit&& visit) {
  std::vector<const Token*> open;
  for (const Token& token : tokens) {
    if (rules::is_opening(token.kind)) {
      open.push_back(&token);
      continue;
    }
    const TokenKind opening = rules::opening_of(token.kind);
    if (opening == TokenKind::kEnd) continue;
    const auto found = std::ranges::find(open.rbegin(), open.rend(), opening, &Token::kind);
    if (found == open.rend()) continue;
    visit(**found, token);
    open.erase(std::prev(found.base()), open.end());
  }
}
}  // namespace

std::vector<OutlineEntry> outline_of(const CheckedPack& pack, std::uint32_t file) {
  std::vector<OutlineEntry> entries;
  const std::vector<rules::Symbol>& symbols = pack.symbols();
  for (SymbolPlace symbol = 0; symbol < symbols.size(); ++symbol) {
    if (symbols[symbol].span.file != file) continue;
    if (!symbols[symbol].of) {
      entries.push_back({symbol, {}});
    } else if (!entries.empty() && entries.back().symbol == *symbols[symbol].of) {
      entries.back().parts.push_back({symbol, {}});
    }
  }
  return entries;
}

std::vector<Fold> folds_of(std::string_view text) {
  const TextLines lines(text);
  const std::vector<Token> tokens = tokens_of(text);
  std::vector<Fold> folds;
  for_each_pair(tokens, [&](const Token& open, const Token& close) {
    const Fold fold{lines.line_of(open.begin), lines.line_of(close.begin), false};
    // The line of the closing bracket stays in sight.
    if (fold.last > fold.first + 1) folds.push_back({fold.first, fold.last - 1, false});
  });
  Fold comment;
  bool any = false;
  const auto finish = [&] {
    if (any && comment.last > comment.first) folds.push_back(comment);
    any = false;
  };
  for (const CommentPlace& place : comments_of(text, tokens)) {
    const std::uint32_t line = lines.line_of(place.begin);
    const std::string_view before = text.substr(lines.start(line), place.begin - lines.start(line));
    if (before.find_first_not_of(" \t") != std::string_view::npos) continue;
    if (any && line == comment.last + 1) {
      comment.last = line;
      continue;
    }
    finish();
    comment = {line, line, true};
    any = true;
  }
  finish();
  std::ranges::sort(folds, {}, [](const Fold& fold) { return fold.first; });
  return folds;
}

std::vector<SourceSpan> selections_at(const CheckedPack& pack, std::uint32_t file,
                                      std::uint32_t byte) {
  const std::string_view text = pack.sources().text(file);
  std::vector<SourceSpan> spans;
  const auto consider = [&](std::uint32_t begin, std::uint32_t end) {
    if (begin <= byte && byte <= end) spans.push_back({file, begin, end});
  };
  const std::vector<Token> tokens = tokens_of(text);
  for (const Token& token : tokens) consider(token.begin, token.end);
  for_each_pair(tokens, [&](const Token& open, const Token& close) {
    consider(open.end, close.begin);
    consider(open.begin, close.end);
  });
  for (const rules::Symbol& symbol : pack.symbols()) {
    if (symbol.span.file == file) consider(symbol.span.begin, symbol.span.end);
  }
  consider(0, static_cast<std::uint32_t>(text.size()));
  std::ranges::stable_sort(spans, {}, [](SourceSpan span) { return span.end - span.begin; });
  // What does not contain the one before it is left out.
  std::vector<SourceSpan> nested;
  for (const SourceSpan& span : spans) {
    if (!nested.empty()) {
      const SourceSpan& inner = nested.back();
      const bool contains = span.begin <= inner.begin && inner.end <= span.end;
      const bool same = span.begin == inner.begin && inner.end == span.end;
      if (!contains || same) continue;
    }
    nested.push_back(span);
  }
  return nested;
}
}  // namespace tocsin::library
