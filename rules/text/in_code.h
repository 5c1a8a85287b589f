/// How messages quote code.
#pragma once
#include <string>
#include <string_view>

namespace tocsin::rules {
/// The text between back quotes.
std::string in_code(std::string_view text);
}  // namespace tocsin::rules
