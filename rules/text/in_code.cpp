#include "rules/text/in_code.h"

#include <fmt/format.h>

namespace tocsin::rules {
std::string in_code(std::string_view text) { return fmt::format("`{}`", text); }
}  // namespace tocsin::rules
