/// Parsing a text in a test.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "rules/parse/parser.h"
#include "rules/syntax/tree.h"
#include "rules/text/diagnostics.h"

namespace tocsin::tests {
struct Parsed {
  rules::SourceMap sources;
  rules::tree::File file;
  std::vector<rules::Diagnostic> diagnostics;
};
/// Parses `text` as a file of the name test.tocsin.
Parsed parse_text(std::string_view text, const rules::ParseLimits& limits = {});
/// All diagnostics as a terminal shows them, for a failed check.
std::string rendered(const Parsed& parsed);
/// One line for each diagnostic: "E0101 2:5 message".
std::string summary(const Parsed& parsed);
/// Applies the edits of all diagnostics that carry one.
std::string with_edits(const Parsed& parsed);
/// The condition of the kind that is all the file has.
const rules::tree::Expr& condition_of(const Parsed& parsed);
/// Aborts a test (REQUIRE) when a span of the tree lies outside of the text or ends before it
/// begins.
void check_spans(const Parsed& parsed);
}  // namespace tocsin::tests
