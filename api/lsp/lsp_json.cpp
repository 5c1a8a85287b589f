#include "api/lsp/lsp_json.h"

#include <algorithm>
#include <string_view>

#include "api/lsp/error_pages.h"

namespace tocsin::api {
using nlohmann::json;
using rules::SymbolKind;

namespace {
json position(library::LinePlace place) {
  return {{"line", place.line}, {"character", place.character}};
}

// A warning about what nothing reads is shown pale.
bool is_unused(std::string_view code) { return code.starts_with("unused_"); }

std::string text_of(const rules::Diagnostic& diagnostic) {
  std::string text = diagnostic.message;
  if (!diagnostic.primary.text.empty()) text += ": " + diagnostic.primary.text;
  for (const std::string& note : diagnostic.notes) text += "\nnote: " + note;
  for (const std::string& help : diagnostic.helps) text += "\nhelp: " + help;
  return text;
}
}  // namespace

const library::TextLines& LspPlaces::lines(std::uint32_t file) {
  std::unique_ptr<library::TextLines>& kept = lines_[file];
  if (kept == nullptr) {
    kept = std::make_unique<library::TextLines>(pack_.sources().text(file));
  }
  return *kept;
}

std::string LspPlaces::uri(std::uint32_t file) const {
  const std::string& path = pack_.sources().path(file);
  const OpenDocument* document = documents_.find(path);
  return document != nullptr ? document->uri : uri_of_path(path);
}

json LspPlaces::range(rules::SourceSpan span) {
  const library::TextLines& all = lines(span.file);
  return {{"start", position(all.place(span.begin, unit_))},
          {"end", position(all.place(span.end, unit_))}};
}

json LspPlaces::location(rules::SourceSpan span) {
  return {{"uri", uri(span.file)}, {"range", range(span)}};
}

json LspPlaces::edit(const rules::Edit& edit) {
  return {{"range", range(edit.span)}, {"newText", edit.text}};
}

json LspPlaces::workspace_edit(const std::vector<rules::Edit>& edits) {
  json changes = json::object();
  for (const rules::Edit& each : edits) changes[uri(each.span.file)].push_back(edit(each));
  return {{"changes", std::move(changes)}};
}

json diagnostic_json(const library::CheckedPack& pack, const rules::Diagnostic& diagnostic,
                     LspPlaces& places) {
  const std::string_view code = code_name(diagnostic.code);
  json made = {{"range", places.range(diagnostic.primary.span)},
               {"severity", level_of(diagnostic.code) == rules::Level::kError ? 1 : 2},
               {"code", code},
               {"source", "tocsin"},
               {"message", text_of(diagnostic)}};
  if (const std::string page = error_page_uri(code); !page.empty()) {
    made["codeDescription"] = {{"href", page}};
  }
  if (is_unused(code)) made["tags"] = {1};
  json related = json::array();
  for (const rules::Label& label : diagnostic.labels) {
    related.push_back({{"location", places.location(label.span)},
                       {"message", label.text.empty() ? pack.text(label.span) : label.text}});
  }
  if (!related.empty()) made["relatedInformation"] = std::move(related);
  if (diagnostic.edit) made["data"] = {{"edit", places.edit(*diagnostic.edit)}};
  return made;
}

int symbol_kind(SymbolKind kind) {
  // The protocol's numbers.
  enum : int {
    kClass = 5,
    kMethod = 6,
    kProperty = 7,
    kField = 8,
    kFunction = 12,
    kVariable = 13,
    kConstant = 14,
    kArray = 18,
    kObject = 19,
    kKey = 20,
    kStruct = 23,
    kEventKind = 24,
  };
  switch (kind) {
    case SymbolKind::kEvent:
      return kStruct;
    case SymbolKind::kKind:
      return kEventKind;
    case SymbolKind::kField:
    case SymbolKind::kColumn:
      return kField;
    case SymbolKind::kAlertField:
      return kProperty;
    case SymbolKind::kKey:
    case SymbolKind::kKeyColumn:
    case SymbolKind::kKeyPart:
      return kKey;
    case SymbolKind::kList:
      return kArray;
    case SymbolKind::kTable:
      return kObject;
    case SymbolKind::kConstant:
      return kConstant;
    case SymbolKind::kFeature:
      return kFunction;
    case SymbolKind::kRule:
      return kClass;
    case SymbolKind::kRole:
    case SymbolKind::kStep:
      return kVariable;
    case SymbolKind::kTest:
      return kMethod;
  }
  return kVariable;
}

json symbol_json(const library::CheckedPack& pack, const library::OutlineEntry& entry,
                 LspPlaces& places) {
  const rules::Symbol& symbol = pack.symbols()[entry.symbol];
  // The protocol wants the name inside the whole.
  rules::SourceSpan whole = symbol.span;
  whole.begin = std::min(whole.begin, symbol.name_span.begin);
  whole.end = std::max(whole.end, symbol.name_span.end);
  json made = {{"name", symbol.name},
               {"detail", rules::symbol_word(symbol.kind)},
               {"kind", symbol_kind(symbol.kind)},
               {"range", places.range(whole)},
               {"selectionRange", places.range(symbol.name_span)}};
  json parts = json::array();
  for (const library::OutlineEntry& part : entry.parts) {
    parts.push_back(symbol_json(pack, part, places));
  }
  if (!parts.empty()) made["children"] = std::move(parts);
  return made;
}

json line_edits(const std::string& from, const std::string& to, library::CharacterUnit unit) {
  json edits = json::array();
  if (from == to) return edits;
  // The longest common begin and end that are whole lines.
  std::size_t begin = 0;
  const std::size_t shorter = std::min(from.size(), to.size());
  for (std::size_t i = 0; i < shorter && from[i] == to[i]; ++i) {
    if (from[i] == '\n') begin = i + 1;
  }
  std::size_t same_end = 0;
  for (std::size_t i = 0; i < shorter - begin; ++i) {
    if (from[from.size() - 1 - i] != to[to.size() - 1 - i]) break;
    const bool line_begins = from.size() - 1 - i == begin || from[from.size() - 2 - i] == '\n';
    const bool there_too = to.size() - 1 - i == begin || to[to.size() - 2 - i] == '\n';
    if (line_begins && there_too) same_end = i + 1;
  }
  const library::TextLines lines(from);
  const auto end = static_cast<std::uint32_t>(from.size() - same_end);
  edits.push_back({{"range",
                    {{"start", position(lines.place(static_cast<std::uint32_t>(begin), unit))},
                     {"end", position(lines.place(end, unit))}}},
                   {"newText", to.substr(begin, to.size() - same_end - begin)}});
  return edits;
}
}  // namespace tocsin::api
