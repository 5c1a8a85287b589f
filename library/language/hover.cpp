#include "library/language/hover.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/value/time.h"
#include "library/language/text_lines.h"
#include "library/language/text_tokens.h"
#include "library/language/word_docs.h"
#include "rules/explain/explain.h"

namespace tocsin::library {
using rules::Symbol;
using rules::SymbolKind;

namespace {
// Lines of a declaration that are shown.
constexpr std::size_t kLinesMax = 30;

// Text of a rule as a block of code, its lines moved left together.
std::string code_block(std::string_view text, std::size_t indented) {
  std::string out = "```tocsin\n";
  std::size_t lines = 0;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (lines > 0) {
      const std::size_t blanks = std::min(line.find_first_not_of(' '), indented);
      line.remove_prefix(std::min(blanks, line.size()));
    }
    out += lines == kLinesMax ? "…" : line;
    out += '\n';
    if (lines++ == kLinesMax) break;
    at = end + 1;
  }
  return out + "```";
}

std::string shown(const CheckedPack& pack, const Symbol& symbol) {
  const TextLines lines(pack.sources().text(symbol.span.file));
  const LinePlace place = lines.place(symbol.span.begin, CharacterUnit::kUtf32);
  std::string_view text = pack.text(symbol.span);
  // A rule is its head; the rest is the text that the reader looks at.
  if (symbol.kind == SymbolKind::kRule || symbol.kind == SymbolKind::kTest) {
    text = text.substr(0, text.find('{'));
    while (text.ends_with(' ')) text.remove_suffix(1);
  }
  std::string block = code_block(text, place.character);
  if (symbol.group.begin == symbol.group.end) return block;
  std::string_view head = pack.text(symbol.group);
  head = head.substr(0, head.find('{'));
  return code_block(head, 0) + "\n\n" + block;
}

// What a rule does, as `tocsin explain` begins.
std::string rule_in_words(const CheckedPack& pack, const std::string& name) {
  if (!pack.loaded().rules) return {};
  const cep::Plan& plan = *pack.loaded().rules->plan;
  const auto rule = std::ranges::find(plan.rules, name, &cep::Rule::name);
  if (rule == plan.rules.end()) return {};
  std::string out;
  const auto add = [&](const auto& self, const std::vector<rules::Passage>& passages,
                       std::size_t depth) -> void {
    for (const rules::Passage& passage : passages) {
      out += std::string(depth * 2, ' ') + "- " + passage.text + "\n";
      self(self, passage.parts, depth + 1);
    }
  };
  const cep::RuleIndex index(static_cast<std::size_t>(rule - plan.rules.begin()));
  for (const rules::ExplainedAspect& aspect : rules::explain(plan, index)) {
    constexpr std::string_view kShown[] = {"key", "pattern", "limits"};
    if (std::ranges::find(kShown, aspect.name) == std::end(kShown)) continue;
    out += "\n**" + aspect.heading + "**\n\n";
    add(add, aspect.passages, 0);
  }
  return out;
}

std::string described(const CheckedPack& pack, SymbolPlace place) {
  const Symbol& symbol = pack.symbols()[place];
  std::string out = fmt::format("**{}** `{}`", rules::symbol_word(symbol.kind), symbol.name);
  if (symbol.of) {
    const Symbol& of = pack.symbols()[*symbol.of];
    out += fmt::format(" of {} `{}`", rules::symbol_word(of.kind), of.name);
  }
  out += "\n\n" + shown(pack, symbol) + "\n";
  if (!symbol.doc.empty()) out += "\n" + symbol.doc + "\n";
  if (symbol.kind == SymbolKind::kRule) out += rule_in_words(pack, symbol.name);
  const rules::SourceMap& sources = pack.sources();
  const std::string& path = sources.path(symbol.name_span.file);
  const std::size_t slash = path.rfind('/');
  out += fmt::format("\n{}:{}\n", slash == std::string::npos ? path : path.substr(slash + 1),
                     sources.place(symbol.name_span.file, symbol.name_span.begin).line);
  return out;
}

// "1 hour 30 minutes".
std::string duration_in_words(cep::Duration duration) {
  struct Unit {
    std::int64_t us;
    std::string_view name;
  };
  constexpr std::array kUnits = {Unit{std::int64_t{7} * 86'400'000'000, "week"},
                                 Unit{86'400'000'000, "day"},
                                 Unit{3'600'000'000, "hour"},
                                 Unit{60'000'000, "minute"},
                                 Unit{1'000'000, "second"},
                                 Unit{1'000, "millisecond"},
                                 Unit{1, "microsecond"}};
  std::string out;
  std::int64_t left = duration.us;
  for (const Unit& unit : kUnits) {
    const std::int64_t count = left / unit.us;
    left %= unit.us;
    if (count == 0) continue;
    out +=
        fmt::format("{}{} {}{}", out.empty() ? "" : " ", count, unit.name, count == 1 ? "" : "s");
  }
  return out.empty() ? "no time" : out;
}

std::string described(const WordDoc& doc) {
  return fmt::format("```tocsin\n{}\n```\n\n{}\n\nThe rule language: *{}*\n", doc.form, doc.meaning,
                     doc.section);
}

std::optional<std::string> described(const std::vector<rules::Token>& tokens, std::size_t at) {
  const rules::Token& token = tokens[at];
  if (token.is(rules::TokenKind::kDuration) && token.value.kind == cep::ValueKind::kDuration) {
    return fmt::format(
        "`{}`: {}", token.text,
        duration_in_words(cep::Duration{static_cast<std::int64_t>(token.value.number)}));
  }
  if (!token.is(rules::TokenKind::kName)) return std::nullopt;
  const bool is_call = at + 1 < tokens.size() && tokens[at + 1].is(rules::TokenKind::kParenOpen);
  const WordDoc* doc = nullptr;
  if (is_call) {
    doc = find_word(token.text, WordClass::kAggregate);
    if (doc == nullptr) doc = find_word(token.text, WordClass::kFunction);
  }
  if (doc == nullptr) doc = find_word(token.text);
  if (doc == nullptr) return std::nullopt;
  return described(*doc);
}
}  // namespace

std::optional<Hover> hover_at(const CheckedPack& pack, std::uint32_t file, std::uint32_t byte) {
  const std::optional<NameAt> name = pack.name_at(file, byte);
  const bool is_title = name && !name->symbols.empty() &&
                        pack.symbols()[name->symbols.front()].kind == SymbolKind::kTest;
  if (name && !name->symbols.empty() && !is_title) {
    std::string markdown;
    constexpr std::size_t kMost = 4;
    for (std::size_t i = 0; i < std::min(kMost, name->symbols.size()); ++i) {
      if (i > 0) markdown += "\n---\n\n";
      markdown += described(pack, name->symbols[i]);
    }
    if (name->symbols.size() > kMost) {
      markdown += fmt::format("\nand {} more\n", name->symbols.size() - kMost);
    }
    return Hover{name->span, std::move(markdown)};
  }
  const std::vector<rules::Token> tokens = tokens_of(pack.sources().text(file));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].begin > byte || tokens[i].end <= byte) continue;
    if (std::optional<std::string> markdown = described(tokens, i)) {
      return Hover{{file, tokens[i].begin, tokens[i].end}, std::move(*markdown)};
    }
  }
  return std::nullopt;
}
}  // namespace tocsin::library
