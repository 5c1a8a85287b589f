/// Files in tests/golden that hold what must not change by accident.
#pragma once
#include <string>
#include <string_view>

namespace tocsin::tests {
/// Compares `actual` with the file `name` of tests/golden, line by line; a difference is a failed
/// check that names the first line. With UPDATE_GOLDEN=1 in the environment the file is written
/// instead.
void check_golden(const std::string& name, std::string_view actual);
/// Lower-case hex of bytes, for golden files that hold some.
std::string hex_of(std::string_view bytes);
}  // namespace tocsin::tests
