#include "cep/value/similarity.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cep/value/unicode.h"

namespace tocsin::cep {
namespace {
std::vector<std::int32_t> code_points(std::string_view text) {
  std::vector<std::int32_t> out;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    out.push_back(point.value);
    at += point.bytes;
  }
  return out;
}
}  // namespace

std::optional<double> jaro_winkler(std::string_view a, std::string_view b) {
  if (length_of(a) > kSimilarityLengthMax || length_of(b) > kSimilarityLengthMax) {
    return std::nullopt;
  }
  if (a == b) return 1;
  const std::vector<std::int32_t> left = code_points(a);
  const std::vector<std::int32_t> right = code_points(b);
  if (left.empty() || right.empty()) return 0;
  const std::size_t longest = std::max(left.size(), right.size());
  const std::size_t reach = longest / 2 > 0 ? longest / 2 - 1 : 0;
  std::vector<bool> left_matched(left.size());
  std::vector<bool> right_matched(right.size());
  std::size_t matches = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const std::size_t begin = i > reach ? i - reach : 0;
    const std::size_t end = std::min(i + reach + 1, right.size());
    for (std::size_t j = begin; j < end; ++j) {
      if (right_matched[j] || left[i] != right[j]) continue;
      left_matched[i] = true;
      right_matched[j] = true;
      ++matches;
      break;
    }
  }
  if (matches == 0) return 0;
  std::size_t out_of_place = 0;
  std::size_t j = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (!left_matched[i]) continue;
    while (!right_matched[j]) ++j;
    if (left[i] != right[j]) ++out_of_place;
    ++j;
  }
  const auto m = static_cast<double>(matches);
  const double transpositions = static_cast<double>(out_of_place) / 2;
  const double jaro = (m / static_cast<double>(left.size()) +
                       m / static_cast<double>(right.size()) + (m - transpositions) / m) /
                      3;
  if (jaro <= 0.7) return jaro;
  std::size_t prefix = 0;
  while (prefix < 4 && prefix < left.size() && prefix < right.size() &&
         left[prefix] == right[prefix]) {
    ++prefix;
  }
  return jaro + static_cast<double>(prefix) * 0.1 * (1 - jaro);
}
}  // namespace tocsin::cep
