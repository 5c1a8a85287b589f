/// Random legal rule files, over the whole grammar: every name may be a keyword of some other
/// place, any blanks and comments stand between the tokens. They need not mean anything.
#pragma once
#include <string>

#include "tests/support/random.h"

namespace tocsin::tests {
struct SyntaxOptions {
  bool comments = false;  // comments with numbers of their own at every place that may have one
  int depth_max = 6;      // of expressions inside each other
};
std::string random_rule_file(Random& random, const SyntaxOptions& options = {});
}  // namespace tocsin::tests
