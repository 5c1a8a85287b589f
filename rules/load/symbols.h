/// The names of a set of rules: what declares them and where they are used. Editors read this for
/// outlines, hover, definition, references and rename. It also exists for files with mistakes: what
/// was read and resolved is there, the rest is not.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/context/occurrences.h"
#include "rules/context/rules.h"
#include "rules/syntax/tree.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules {
enum class SymbolKind : std::uint8_t {
  kEvent,
  kField,  // of an event
  kKind,
  kKey,  // `key NAME = …`
  kList,
  kTable,
  kKeyColumn,  // of a table, what stands behind `key`
  kColumn,
  kConstant,
  kFeature,
  kRule,
  kKeyPart,     // of a rule, a part of `by` with members
  kRole,        // of a key's member
  kStep,        // of a rule: a step, a named `one of` or a window
  kAlertField,  // of a rule
  kTest,        // its name is its title
};
/// "event", "list of text", …: the word that a reader is told.
std::string_view symbol_word(SymbolKind kind);

struct Symbol {
  SymbolKind kind = SymbolKind::kEvent;
  std::string name;               // without back-quotes; a test's title
  SourceSpan name_span;           // as written, with back-quotes or quotes
  SourceSpan span;                // the whole declaration
  std::optional<std::size_t> of;  // the symbol that it is part of, which stands before it
  SourceSpan group = {};          // of a feature: the `features of …` that it stands in
  std::string doc;                // the comment directly above, without `#`; lines end in a feed
};
struct Symbols {
  std::vector<Symbol> declared;         // by file, then in the order of the text
  std::vector<Occurrence> occurrences;  // sorted by use, each once
};

/// Appends what a file declares.
void declare_symbols(const SourceMap& sources, const tree::File& file, std::vector<Symbol>& out);

struct LoadedSymbols {
  Loaded rules;
  Symbols symbols;
};
/// As load(), with the names.
LoadedSymbols load_symbols(const std::vector<std::string>& paths, const ReadFile& read_file,
                           const LoadOptions& options = {});
}  // namespace tocsin::rules
