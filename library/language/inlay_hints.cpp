#include "library/language/inlay_hints.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "library/language/text_tokens.h"

namespace tocsin::library {
using rules::Symbol;
using rules::SymbolKind;
using rules::Token;
using rules::TokenKind;

namespace {
// `string` of `card: string? evidence`.
std::string type_of_field(std::string_view declaration) {
  const std::vector<Token> tokens = tokens_of(declaration);
  const auto colon = std::ranges::find(tokens, TokenKind::kColon, &Token::kind);
  if (colon == tokens.end() || colon + 1 == tokens.end()) return {};
  auto last = colon + 1;
  if (last + 1 != tokens.end() && (last + 1)->is(TokenKind::kParenOpen)) {
    last = std::ranges::find(last, tokens.end(), TokenKind::kParenClose, &Token::kind);
    if (last == tokens.end()) return {};
  }
  return std::string(declaration.substr((colon + 1)->begin, last->end - (colon + 1)->begin));
}

// A value of `defaults EVENT { field: value }`.
struct Default {
  std::string field;
  std::string_view value;
};
// By event, over all files of the set.
std::map<std::string, std::vector<Default>> defaults_of(const CheckedPack& pack) {
  std::map<std::string, std::vector<Default>> all;
  for (std::uint32_t file = 0; file < pack.sources().size(); ++file) {
    if (!pack.sources().path(file).ends_with(".tocsin")) continue;
    const std::string_view text = pack.sources().text(file);
    const std::vector<Token> tokens = tokens_of(text);
    for (std::size_t i = 0; i + 2 < tokens.size(); ++i) {
      if (!tokens[i].is("defaults") || !tokens[i].line_start) continue;
      if (!tokens[i + 2].is(TokenKind::kBraceOpen)) continue;
      std::vector<Default>& of_event = all[tokens[i + 1].text];
      for (std::size_t at = i + 3; at + 2 < tokens.size(); ++at) {
        if (tokens[at].is(TokenKind::kBraceClose)) break;
        if (!tokens[at + 1].is(TokenKind::kColon)) continue;
        std::size_t end = at + 2;
        while (end < tokens.size() && !tokens[end].is(TokenKind::kComma) &&
               !tokens[end].is(TokenKind::kBraceClose)) {
          ++end;
        }
        const std::uint32_t begin = tokens[at + 2].begin;
        of_event.push_back({tokens[at].text, text.substr(begin, tokens[end - 1].end - begin)});
        at = end - 1;
      }
    }
  }
  return all;
}

class HintMaker {
 public:
  HintMaker(const CheckedPack& pack, std::uint32_t file)
      : pack_(pack), file_(file), tokens_(tokens_of(pack.sources().text(file))) {}

  std::vector<InlayHint> make() {
    add_keys();
    add_windows();
    add_defaults();
    std::ranges::stable_sort(hints_, {}, &InlayHint::byte);
    return std::move(hints_);
  }

 private:
  void add_keys() {
    for (std::size_t i = 0; i + 1 < tokens_.size(); ++i) {
      if (!tokens_[i].is("by")) continue;
      for (std::size_t at = i + 1; at < tokens_.size(); at += 2) {
        const std::string type = type_of_key(tokens_[at]);
        if (!type.empty()) hints_.push_back({tokens_[at].end, ": " + type});
        if (at + 1 >= tokens_.size() || !tokens_[at + 1].is(TokenKind::kComma)) break;
      }
    }
  }
  // Of the fields that the name means, where they have one type.
  std::string type_of_key(const Token& token) const {
    std::set<std::string> types;
    for (const SymbolPlace symbol : pack_.symbols_of({file_, token.begin, token.end})) {
      const Symbol& meant = pack_.symbols()[symbol];
      if (meant.kind == SymbolKind::kField) types.insert(type_of_field(pack_.text(meant.span)));
    }
    return types.size() == 1 ? *types.begin() : std::string();
  }

  // Behind `within` of a rule and of its steps: from which event on it counts.
  void add_windows() {
    const std::vector<Symbol>& symbols = pack_.symbols();
    for (SymbolPlace rule = 0; rule < symbols.size(); ++rule) {
      if (symbols[rule].kind != SymbolKind::kRule || symbols[rule].span.file != file_) continue;
      std::map<std::uint32_t, std::string_view> steps;  // by their begin
      for (const SymbolPlace part : pack_.parts(rule)) {
        const Symbol& step = symbols[part];
        if (step.kind == SymbolKind::kStep) steps[step.name_span.begin] = step.name;
      }
      add_windows(symbols[rule].span, steps);
    }
  }
  using Steps = std::map<std::uint32_t, std::string_view>;
  void add_windows(rules::SourceSpan rule, const Steps& steps) {
    std::optional<std::size_t> part;   // the token at which the step that is read begins
    std::optional<std::string> first;  // the name of the first one; may be empty
    std::string before;                // and of the one before that which is read
    const auto begin = std::ranges::lower_bound(tokens_, rule.begin, {}, &Token::begin);
    for (auto i = static_cast<std::size_t>(begin - tokens_.begin());
         i + 1 < tokens_.size() && tokens_[i].begin < rule.end; ++i) {
      const Token& token = tokens_[i];
      if (token.is("when") && !part) {
        part = i + 1;
      } else if (token.is("then") && part) {
        before = only_step(*part, i, steps);
        if (!first) first = before;
        part = i + 1;
      } else if (token.is("within") && part && tokens_[i + 1].is(TokenKind::kDuration)) {
        const Token& last = tokens_[i - 1];
        if (last.is("then") || last.is("first") || last.is("next")) {
          const std::string name = before.empty() ? std::string() : "last " + before;
          hints_.push_back(
              {tokens_[i + 1].end, "after the " + (name.empty() ? "event before" : name)});
        } else if (!last.is("events")) {  // of `previous 5 events within 1d`
          const std::string name = first ? *first : only_step(*part, i, steps);
          hints_.push_back(
              {tokens_[i + 1].end, "from the first " + (name.empty() ? "event" : name)});
        }
      }
    }
  }
  // The name of the step that these tokens are; empty where they are none, several or an absence.
  std::string only_step(std::size_t begin, std::size_t end, const Steps& steps) const {
    std::string name;
    for (std::size_t i = begin; i < end; ++i) {
      if (tokens_[i].is("no")) return {};
      const auto found = steps.find(tokens_[i].begin);
      if (found == steps.end()) continue;
      if (!name.empty()) return {};
      name = found->second;
    }
    return name;
  }

  void add_defaults() {
    const std::map<std::string, std::vector<Default>> defaults = defaults_of(pack_);
    for (const Symbol& test : pack_.symbols()) {
      if (test.kind != SymbolKind::kTest || test.span.file != file_) continue;
      const auto first = std::ranges::lower_bound(tokens_, test.span.begin, {}, &Token::begin);
      for (auto i = static_cast<std::size_t>(first - tokens_.begin());
           i + 2 < tokens_.size() && tokens_[i].begin < test.span.end; ++i) {
        if (!tokens_[i].is(TokenKind::kDuration)) continue;
        const auto of_event = defaults.find(tokens_[i + 1].text);
        if (of_event == defaults.end() || !tokens_[i + 2].is(TokenKind::kBraceOpen)) continue;
        add_defaults(i + 3, of_event->second);
      }
    }
  }
  // Before the brace that closes what begins at a token.
  void add_defaults(std::size_t at, const std::vector<Default>& defaults) {
    std::set<std::string> written;
    std::size_t end = at;
    for (; end < tokens_.size() && !tokens_[end].is(TokenKind::kBraceClose); ++end) {
      if (end + 1 < tokens_.size() && tokens_[end + 1].is(TokenKind::kColon)) {
        written.insert(tokens_[end].text);
      }
    }
    if (end == tokens_.size()) return;
    std::string text;
    for (const Default& each : defaults) {
      if (written.contains(each.field)) continue;
      const bool first = text.empty() && end == at;
      text += fmt::format("{}{}: {}", first ? "" : ", ", each.field, each.value);
    }
    if (!text.empty()) hints_.push_back({tokens_[end == 0 ? 0 : end - 1].end, std::move(text)});
  }

  const CheckedPack& pack_;
  std::uint32_t file_;
  std::vector<Token> tokens_;
  std::vector<InlayHint> hints_;
};
}  // namespace

std::vector<InlayHint> inlay_hints(const CheckedPack& pack, std::uint32_t file) {
  return HintMaker(pack, file).make();
}
}  // namespace tocsin::library
