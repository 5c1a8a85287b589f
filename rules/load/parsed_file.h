/// A file of a set of rules, parsed.
#pragma once
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// One file of a set. `asked`: it was named by the caller, not only used.
struct ParsedFile {
  tree::File tree;
  bool asked = false;
};
}  // namespace tocsin::rules
