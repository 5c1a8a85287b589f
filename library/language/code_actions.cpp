#include "library/language/code_actions.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "library/language/declared_event.h"
#include "library/language/text_tokens.h"

namespace tocsin::library {
using rules::Diagnostic;
using rules::Symbol;
using rules::SymbolKind;
using rules::Token;
using rules::TokenKind;

namespace {
bool touch(rules::SourceSpan span, std::uint32_t begin, std::uint32_t end) {
  return span.begin <= end && begin <= span.end;
}

std::string title_of(const CheckedPack& pack, const rules::Edit& edit) {
  const std::string_view written = pack.text(edit.span);
  if (edit.text.empty()) return fmt::format("Remove `{}`", written);
  if (written.empty()) return fmt::format("Insert `{}`", edit.text);
  return fmt::format("Replace by `{}`", edit.text);
}

// The first event that a rule names, and its key, for the test that is begun.
struct RuleParts {
  std::string event;
  std::vector<std::string> keys;
};
RuleParts parts_of(const CheckedPack& pack, const Symbol& rule) {
  RuleParts parts;
  const std::vector<Token> tokens = tokens_of(pack.text(rule.span));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].is("by") && tokens[i].line_start && parts.keys.empty()) {
      for (std::size_t at = i + 1; at < tokens.size(); at += 2) {
        if (!tokens[at].is(TokenKind::kName)) break;
        parts.keys.push_back(tokens[at].text);
        if (at + 1 >= tokens.size() || !tokens[at + 1].is(TokenKind::kComma)) break;
      }
    }
    const bool is_event =
        tokens[i].is(TokenKind::kName) && pack.find(SymbolKind::kEvent, tokens[i].text);
    if (parts.event.empty() && is_event) parts.event = tokens[i].text;
  }
  if (parts.event.empty()) {
    for (const Symbol& symbol : pack.symbols()) {
      if (symbol.kind == SymbolKind::kEvent) {
        parts.event = symbol.name;
        break;
      }
    }
  }
  return parts;
}

std::string test_of(const CheckedPack& pack, const Symbol& rule, bool alerts) {
  const RuleParts parts = parts_of(pack, rule);
  std::string values;
  if (const auto event = pack.find(SymbolKind::kEvent, parts.event)) {
    for (const std::string& key : parts.keys) {
      if (!pack.find(SymbolKind::kField, key, *event)) continue;
      values += fmt::format("{}{}: \"{}1\"", values.empty() ? "" : ", ", key, key.substr(0, 1));
    }
  }
  return fmt::format(
      "\n\ntest {} \"{}\" {{\n  starting 2026-01-01T00:00:00Z\n  0s  {} {{ {} }}\n  expect {}\n}}",
      rule.name, alerts ? "what makes it alert" : "what is not enough", parts.event, values,
      alerts ? "alert" : "no alert");
}
}  // namespace

std::uint32_t end_of_line(std::string_view text, std::uint32_t byte) {
  const std::size_t end = text.find('\n', byte);
  return static_cast<std::uint32_t>(end == std::string_view::npos ? text.size() : end);
}

std::vector<CodeAction> code_actions(const CheckedPack& pack, std::uint32_t file,
                                     std::uint32_t begin, std::uint32_t end) {
  std::vector<CodeAction> actions;
  const std::string_view text = pack.sources().text(file);
  const std::vector<Diagnostic>& diagnostics = pack.loaded().diagnostics;
  std::set<std::string_view> undeclared;  // each is declared once
  for (std::size_t i = 0; i < diagnostics.size(); ++i) {
    const Diagnostic& diagnostic = diagnostics[i];
    if (diagnostic.primary.span.file != file) continue;
    if (!touch(diagnostic.primary.span, begin, end)) continue;
    if (diagnostic.edit && diagnostic.edit->span.file == file) {
      actions.push_back(
          {title_of(pack, *diagnostic.edit), ActionKind::kFix, {*diagnostic.edit}, i, true});
    }
    if (diagnostic.code == rules::Code::kE0202 &&
        undeclared.insert(pack.text(diagnostic.primary.span)).second) {
      if (std::optional<DeclaredEvent> event = declared_event(pack, diagnostic.primary.span)) {
        actions.push_back({fmt::format("Declare event {}", event->name),
                           ActionKind::kFix,
                           {std::move(event->edit)},
                           i,
                           false});
      }
    }
    if (level_of(diagnostic.code) != rules::Level::kWarning) continue;
    const auto declared = pack.declaration_at(file, diagnostic.primary.span.begin);
    if (!declared || pack.symbols()[*declared].kind != SymbolKind::kRule) continue;
    const Symbol& rule = pack.symbols()[*declared];
    const std::size_t brace = text.find('{', rule.name_span.end);
    if (brace == std::string_view::npos || brace >= rule.span.end) continue;
    const auto at = static_cast<std::uint32_t>(brace + 1);
    const std::string_view name = code_name(diagnostic.code);
    actions.push_back({fmt::format("Allow `{}` in this rule", name),
                       ActionKind::kFix,
                       {{{file, at, at}, fmt::format("\n  allow {} \"reason\"", name)}},
                       i,
                       false});
  }
  const auto declared = pack.declaration_at(file, begin);
  if (declared && pack.symbols()[*declared].kind == SymbolKind::kRule) {
    const Symbol& rule = pack.symbols()[*declared];
    const std::uint32_t at = end_of_line(text, rule.span.end);
    for (const bool alerts : {true, false}) {
      actions.push_back({alerts ? "Add a test that alerts" : "Add a test that does not alert",
                         ActionKind::kRewrite,
                         {{{file, at, at}, test_of(pack, rule, alerts)}},
                         std::nullopt,
                         false});
    }
  }
  return actions;
}

std::vector<rules::Edit> all_fixes(const CheckedPack& pack, std::uint32_t file) {
  std::vector<rules::Edit> edits;
  for (const Diagnostic& diagnostic : pack.loaded().diagnostics) {
    if (diagnostic.edit && diagnostic.edit->span.file == file) edits.push_back(*diagnostic.edit);
  }
  std::ranges::stable_sort(edits, {}, [](const rules::Edit& edit) { return edit.span.begin; });
  std::vector<rules::Edit> apart;
  for (rules::Edit& edit : edits) {
    if (apart.empty() || edit.span.begin >= apart.back().span.end) apart.push_back(std::move(edit));
  }
  return apart;
}

std::vector<Lens> lenses(const CheckedPack& pack, std::uint32_t file) {
  std::vector<Lens> all;
  const std::vector<Symbol>& symbols = pack.symbols();
  for (SymbolPlace symbol = 0; symbol < symbols.size(); ++symbol) {
    if (symbols[symbol].name_span.file != file) continue;
    if (symbols[symbol].kind == SymbolKind::kTest) all.push_back({symbol, 0});
    if (symbols[symbol].kind != SymbolKind::kRule) continue;
    std::size_t tests = 0;
    for (const rules::SourceSpan use : pack.uses(symbol)) {
      if (use.file != file) continue;
      const auto at = pack.declaration_at(file, use.begin);
      if (at && symbols[*at].kind == SymbolKind::kTest) ++tests;
    }
    all.push_back({symbol, tests});
  }
  return all;
}
}  // namespace tocsin::library
