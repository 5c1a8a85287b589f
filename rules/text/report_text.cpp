#include "rules/text/report_text.h"

#include <fmt/format.h>

#include <utility>

namespace tocsin::rules {
std::string in_code(std::string_view text) { return fmt::format("`{}`", text); }

Diagnostic make_diagnostic(Code code, SourceSpan span, std::string message, std::string label) {
  Diagnostic diagnostic;
  diagnostic.code = code;
  diagnostic.message = std::move(message);
  diagnostic.primary = {span, std::move(label)};
  return diagnostic;
}
}  // namespace tocsin::rules
