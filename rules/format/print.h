/// A syntax tree back as text, as the formatter lays it out (rules/format/format.h), without the
/// comments of a source and with literals in canonical form where the tree does not say how they
/// were written. Parsing the text and printing again gives the same text.
#pragma once
#include <cstddef>
#include <string>

#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// The columns that a line of a rule file has.
inline constexpr std::size_t kLineWidth = 100;

/// The whole file, with a line end at its end; nothing for a file without declarations. Requires a
/// tree without errors
/// (`!file.broken`).
std::string print(const tree::File& file);
/// One expression on one line, with the parentheses that it was written with and those that it
/// needs.
std::string print(const tree::Expr& expr);
}  // namespace tocsin::rules
