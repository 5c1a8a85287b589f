/// Names that other languages have for values and functions, and what stands there here.
#pragma once
#include <optional>
#include <string_view>

#include "rules/text/diagnostics.h"

namespace tocsin::rules {
/// What to say of an operand `null`, `TRUE`, `yes`, …; absent where the name is of no other
/// language.
std::optional<Diagnostic> foreign_name(std::string_view name, SourceSpan span);
/// The same for a function: `len`, `nvl`, `now`, …
std::optional<Diagnostic> foreign_function(std::string_view name, SourceSpan span);
}  // namespace tocsin::rules
