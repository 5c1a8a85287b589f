/// "did you mean": the nearest of the names that would have been right.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tocsin::rules {
/// Edits (insert, delete, replace, swap of neighbours; each place once) from `a` to `b` in bytes,
/// ASCII letters compared without case; more than `limit` is given as limit + 1 (optimal string
/// alignment, the restricted Damerau-Levenshtein distance).
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);
/// The candidate nearest to `name`: at most one edit for up to 4 letters, two up to 8, else three,
/// and never a rewrite of more than half of it; the first of equals. Nothing when none is near, or
/// when `name` is among them.
std::optional<std::string> nearest(std::string_view name, std::span<const std::string> candidates);
}  // namespace tocsin::rules
