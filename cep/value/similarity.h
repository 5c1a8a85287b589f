/// How alike two texts are.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tocsin::cep {
inline constexpr std::size_t kSimilarityLengthMax = 1'000;  // code points of either text
/// Jaro-Winkler similarity by code points, 0 to 1: the prefix of at most four counts (by 0.1 each)
/// where Jaro's is above 0.7 (Winkler, "String Comparator Metrics", 1990). Two empty texts are
/// equal. Nothing for a text that is too long: the work grows with the product of the lengths.
std::optional<double> jaro_winkler(std::string_view a, std::string_view b);
/// How much work it is beside a look at both texts, in bytes that are looked at: one for each of
/// the first text and each 64 of the second.
std::uint64_t similarity_work(std::string_view a, std::string_view b);
}  // namespace tocsin::cep
