#include "library/language/declared_event.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <variant>
#include <vector>

#include "cep/value/value.h"
#include "library/language/text_tokens.h"
#include "library/language/used_fields.h"
#include "rules/format/format.h"
#include "rules/parse/parser.h"

namespace tocsin::library {
namespace tree = rules::tree;
using rules::SymbolKind;

namespace {
// `: decimal(2)?` of `amount: decimal(2)? evidence = …`: the declared type and what it says more,
// without how it is computed.
std::string_view declared_type(const CheckedPack& pack, const rules::Symbol& field) {
  std::string_view text = pack.text({field.span.file, field.name_span.end, field.span.end});
  text = text.substr(0, text.find('='));
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(": \t\n")));
  text = text.substr(0, text.find('\n'));
  while (!text.empty() && text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// Whether what the file says of a field can be said of a field of this type.
bool fits(const UsedField& used, std::string_view declared) {
  if (!used.words.empty()) {
    return std::ranges::all_of(used.words, [&](const std::string& word) {
      return declared.starts_with("enum(") && declared.find(word) != std::string_view::npos;
    });
  }
  const std::string_view type = used.type;
  if (type.empty()) return true;
  const std::string_view word = declared.substr(0, declared.find_first_of("(? "));
  if (type == "int") return word == "int" || word == "decimal" || word == "float";
  if (type == "string") return word == "string" || word == "enum";
  if (type.starts_with("decimal")) return word == "decimal" || word == "float";
  return word == type;
}

// A word of an enum, in quotes where it is no name.
std::string as_word(const std::string& word) {
  const std::vector<rules::Token> tokens = tokens_of(word);
  if (tokens.size() == 1 && tokens.front().is(rules::TokenKind::kName)) return word;
  std::string quoted;
  cep::append_json_string(quoted, word);
  return quoted;
}

std::string type_of(const CheckedPack& pack, const UsedField& used) {
  for (const rules::Symbol& symbol : pack.symbols()) {
    if (symbol.kind != SymbolKind::kField || symbol.name != used.name) continue;
    const std::string_view declared = declared_type(pack, symbol);
    if (!declared.empty() && fits(used, declared)) return std::string(declared);
  }
  std::string type = used.type.empty() ? "string" : used.type;
  if (!used.words.empty()) {
    type.clear();
    std::vector<std::string> words = used.words;
    for (const std::string& text : used.texts) {
      if (std::ranges::find(words, text) == words.end()) words.push_back(text);
    }
    for (const std::string& word : words) {
      type += fmt::format("{}{}", type.empty() ? "enum(" : ", ", as_word(word));
    }
    type += ')';
  }
  if (used.name == "id") type += " id";
  if (used.may_be_missing) type += '?';
  return type;
}

// The name of the time field in the set's first event type.
std::string time_field(const CheckedPack& pack) {
  for (const rules::Symbol& symbol : pack.symbols()) {
    if (symbol.kind != SymbolKind::kField) continue;
    const std::string_view type = declared_type(pack, symbol);
    if (type == "time" || type.starts_with("time "))
      return std::string(pack.text(symbol.name_span));
  }
  return "ts";
}

std::string laid_out(std::string declaration) {
  rules::SourceMap sources;
  const std::uint32_t file = sources.add("event.tocsin", declaration);
  rules::DiagnosticSink sink;
  std::string text = rules::format(sources, file, sink).value_or(std::move(declaration));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

// Where the declaration stands, and the text with the lines around it.
rules::Edit placed(const CheckedPack& pack, const tree::File& tree,
                   const std::string& declaration) {
  const std::string_view text = pack.sources().text(tree.file);
  const tree::Event* last = nullptr;
  for (const tree::Item& item : tree.items) {
    if (const auto* event = std::get_if<tree::Event>(&item)) last = event;
  }
  if (last != nullptr) {
    const std::size_t feed = std::min(text.find('\n', last->span.end), text.size());
    const auto at = static_cast<std::uint32_t>(feed);
    // As `tocsin fmt`: an event of several lines has empty lines around it.
    const std::string_view before = text.substr(last->span.begin, at - last->span.begin);
    const bool apart =
        declaration.find('\n') != std::string::npos || before.find('\n') != std::string_view::npos;
    return {{tree.file, at, at}, (apart ? "\n\n" : "\n") + declaration};
  }
  std::uint32_t at = 0;
  for (const tree::Item& item : tree.items) {
    if (std::holds_alternative<tree::Use>(item) || std::holds_alternative<tree::Allow>(item)) {
      continue;
    }
    at = std::visit([](const tree::Declaration& each) { return each.span.begin; }, item);
    break;
  }
  // Before the comment that is about the declaration.
  const auto begin_of_line = [&](std::uint32_t byte) {
    const std::size_t feed = byte == 0 ? std::string_view::npos : text.rfind('\n', byte - 1);
    return feed == std::string_view::npos ? 0 : static_cast<std::uint32_t>(feed + 1);
  };
  at = begin_of_line(at);
  while (at > 0 && text[begin_of_line(at - 1)] == '#') at = begin_of_line(at - 1);
  return {{tree.file, at, at}, declaration + "\n\n"};
}
}  // namespace

std::optional<DeclaredEvent> declared_event(const CheckedPack& pack, rules::SourceSpan named) {
  const std::string written(pack.text(named));
  const std::string name(without_quotes(written));
  if (pack.find(SymbolKind::kEvent, name) || pack.find(SymbolKind::kKind, name))
    return std::nullopt;
  rules::DiagnosticSink sink;
  const tree::File tree = rules::parse(pack.sources(), named.file, sink);
  const std::string time = time_field(pack);
  std::string declaration = fmt::format("event {} {{ {}: time", written, time);
  for (const UsedField& field : used_fields(pack, tree, name)) {
    if (field.written == time) continue;
    declaration += fmt::format(", {}: {}", field.written, type_of(pack, field));
  }
  declaration += " }";
  return DeclaredEvent{written, placed(pack, tree, laid_out(std::move(declaration)))};
}
}  // namespace tocsin::library
