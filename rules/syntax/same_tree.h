/// Whether two syntax trees say the same.
#pragma once
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// True when both files have the same declarations, written with the same words, literals and
/// parentheses, in the same order. Where they stand is not compared, nor are comments, commas
/// behind a last entry, or how many pairs of parentheses stand around each other.
bool same_tree(const tree::File& a, const tree::File& b);
}  // namespace tocsin::rules
