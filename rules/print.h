/// A syntax tree back as canonical text: one layout and no options. Parsing the text and printing
/// again gives the same text. Comments are no part of a tree.
#pragma once
#include <string>

#include "rules/tree.h"

namespace tocsin::rules {
/// The whole file, with a line end at its end; nothing for a file without declarations. Requires a
/// tree without errors
/// (`!file.broken`).
std::string print(const tree::File& file);
/// One expression on one line, with the parentheses that it was written with and those that it
/// needs.
std::string print(const tree::Expr& expr);
}  // namespace tocsin::rules
