/// Places, diagnostics and edits as messages of the protocol have them.
#pragma once
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/lsp/open_documents.h"
#include "library/language/checked_pack.h"
#include "library/language/outline.h"
#include "library/language/text_lines.h"

namespace tocsin::api {
/// Turns spans of one set into ranges. The set outlives it.
class LspPlaces {
 public:
  LspPlaces(const library::CheckedPack& pack, const OpenDocuments& documents,
            library::CharacterUnit unit)
      : pack_(pack), documents_(documents), unit_(unit) {}
  nlohmann::json range(rules::SourceSpan span);
  nlohmann::json location(rules::SourceSpan span);
  /// {"range":…,"newText":…}.
  nlohmann::json edit(const rules::Edit& edit);
  /// A `WorkspaceEdit`, with the versions of open documents where the client takes them.
  nlohmann::json workspace_edit(const std::vector<rules::Edit>& edits);
  std::string uri(std::uint32_t file) const;
  const library::TextLines& lines(std::uint32_t file);

 private:
  const library::CheckedPack& pack_;
  const OpenDocuments& documents_;
  library::CharacterUnit unit_;
  std::map<std::uint32_t, std::unique_ptr<library::TextLines>> lines_;
};

/// A `Diagnostic`.
nlohmann::json diagnostic_json(const library::CheckedPack& pack,
                               const rules::Diagnostic& diagnostic, LspPlaces& places);
/// A `DocumentSymbol` with its parts.
nlohmann::json symbol_json(const library::CheckedPack& pack, const library::OutlineEntry& entry,
                           LspPlaces& places);
/// The protocol's number of a symbol's kind.
int symbol_kind(rules::SymbolKind kind);
/// What turns one text into the other: one edit of the lines that differ, or none.
nlohmann::json line_edits(const std::string& from, const std::string& to,
                          library::CharacterUnit unit);
}  // namespace tocsin::api
