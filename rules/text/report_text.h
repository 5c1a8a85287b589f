/// What every message is made of.
#pragma once
#include <string>
#include <string_view>

#include "rules/text/diagnostics.h"

namespace tocsin::rules {
/// The text between back quotes.
std::string in_code(std::string_view text);
/// A diagnostic without notes and helps.
Diagnostic make_diagnostic(Code code, SourceSpan span, std::string message, std::string label = {});
}  // namespace tocsin::rules
