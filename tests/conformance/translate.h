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
};
/// Translates a case. Fails with Errc::kRefused where it asks for something that no source text can
/// say (a mistake that the language has no way to make), and with Errc::kInvalidArgument where the
/// translation does not know how.
Result<Translation> translate(const Case& test);
}  // namespace tocsin::conformance
