/// What is told where something is not as it must be.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/simulation/world.h"

namespace tocsin::simulation {
inline std::string first_difference(const std::vector<std::string>& wanted,
                                    const std::vector<std::string>& found) {
  const auto [a, b] = std::mismatch(wanted.begin(), wanted.end(), found.begin(), found.end());
  return fmt::format("{} are wanted and {} found; at {}\n  wanted: {}\n  found:  {}", wanted.size(),
                     found.size(), a - wanted.begin(), a == wanted.end() ? "(no more)" : *a,
                     b == found.end() ? "(no more)" : *b);
}

inline void same(const std::string& what, const std::vector<std::string>& wanted,
                 const std::vector<std::string>& found) {
  if (wanted != found) throw Broken(what + ": " + first_difference(wanted, found));
}
}  // namespace tocsin::simulation
