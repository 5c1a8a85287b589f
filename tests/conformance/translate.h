/// A case as source text of the rule language and as input lines.
#pragma once
#include <map>
#include <string>

#include "cep/base/result.h"
#include "tests/conformance/case.h"

namespace tocsin::conformance {
struct Translation {
  std::string source;                            // one rule file with one rule
  std::string input;                             // NDJSON, in the order of arrival
  std::map<std::string, std::string> variables;  // name in the source text to the case's
  /// A count from 0 without `optional` is a mistake in a case, and one way to say `optional` in
  /// source text: written from 1 here, to be made 0 in the plan.
  bool counts_from_zero = false;
};
/// Translates a case. Fails with Errc::kInvalidArgument where the translation does not know how.
Result<Translation> translate(const Case& test);
}  // namespace tocsin::conformance
