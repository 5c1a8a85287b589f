/// A set of rule files, checked, and its names: what every request of an editor reads.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "rules/context/rules.h"
#include "rules/load/symbols.h"

namespace tocsin::library {
/// By place in CheckedPack::symbols().
using SymbolPlace = std::size_t;

/// A name in a text, and what it means.
struct NameAt {
  rules::SourceSpan span;
  std::vector<SymbolPlace> symbols;  // a field may be one of several event types; else one
};

/// Immutable. Occurrences lead to declarations: where a name is declared by another use (`by card`
/// declares the alert's `card`, and is a field itself), to the last one.
class CheckedPack {
 public:
  /// Reads and checks these files as one set, with the files that they use.
  CheckedPack(const std::vector<std::string>& paths, const rules::ReadFile& read_file,
              const rules::LoadOptions& options = {});
  CheckedPack(const CheckedPack&) = delete;
  CheckedPack& operator=(const CheckedPack&) = delete;

  const rules::Loaded& loaded() const { return loaded_.rules; }
  const rules::SourceMap& sources() const { return loaded_.rules.sources; }
  const std::vector<rules::Symbol>& symbols() const { return loaded_.symbols.declared; }
  /// The number of a file of the set; absent where it is not one.
  std::optional<std::uint32_t> file(const std::string& path) const;
  std::string_view text(rules::SourceSpan span) const;

  /// The name at a byte, at its begin, inside or at its end.
  std::optional<NameAt> name_at(std::uint32_t file, std::uint32_t byte) const;
  /// The symbols that the name at exactly this span means, and whether it declares them.
  std::vector<SymbolPlace> symbols_of(rules::SourceSpan use) const;
  /// Where the symbol is named as it is declared, its declaration aside, in the order of places.
  std::vector<rules::SourceSpan> uses(SymbolPlace symbol) const;
  /// Symbols that share a use with one of these, or with one of those: what one name is.
  std::vector<SymbolPlace> same_name(std::vector<SymbolPlace> symbols) const;
  /// The parts of a symbol, in the order of the text.
  std::vector<SymbolPlace> parts(SymbolPlace of) const;
  /// The declared symbol of this kind and name; of a part: of `of`.
  std::optional<SymbolPlace> find(rules::SymbolKind kind, std::string_view name,
                                  std::optional<SymbolPlace> of = {}) const;
  /// The innermost declaration that is no part of another and has the byte: an event, a rule.
  std::optional<SymbolPlace> declaration_at(std::uint32_t file, std::uint32_t byte) const;

 private:
  struct Use {
    rules::SourceSpan span;
    SymbolPlace symbol;
  };
  void resolve_uses();

  rules::LoadedSymbols loaded_;
  std::unordered_map<std::string, std::uint32_t> files_;
  std::vector<Use> uses_;                                   // by place
  std::vector<SymbolPlace> whole_;                          // those that are no part, by place
  std::vector<std::vector<rules::SourceSpan>> uses_of_;     // by symbol
  std::unordered_map<std::uint64_t, SymbolPlace> by_name_;  // file and begin of the declared name
};
/// By which spans are sorted: file and bytes.
inline std::tuple<std::uint32_t, std::uint32_t, std::uint32_t> order_of(rules::SourceSpan span) {
  return {span.file, span.begin, span.end};
}
/// A name without its back-quotes.
std::string_view without_quotes(std::string_view name);
}  // namespace tocsin::library
