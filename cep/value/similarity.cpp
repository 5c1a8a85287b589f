#include "cep/value/similarity.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "cep/value/unicode.h"

namespace tocsin::cep {
namespace {
using CodePoints = std::vector<std::int32_t>;
using Flags = std::vector<char>;

CodePoints code_points(std::string_view text) {
  CodePoints out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const CodePoint point = byte < 0x80 ? CodePoint{byte, 1} : code_point_at(text, at);
    out.push_back(point.value);
    at += point.bytes;
  }
  return out;
}
constexpr std::size_t kWordBits = 64;
std::size_t words_of(std::size_t bits) { return (bits + kWordBits - 1) / kWordBits; }

// The places of a code point in a text, as bits.
class Places {
 public:
  explicit Places(const CodePoints& text) : words_(words_of(text.size())), known_(text) {
    std::ranges::sort(known_);
    known_.erase(std::unique(known_.begin(), known_.end()), known_.end());
    bits_.resize((known_.size() + 1) * words_);
    plain_.fill(static_cast<std::uint32_t>(known_.size()));
    for (std::uint32_t i = 0; i < known_.size(); ++i) {
      if (is_plain(known_[i])) plain_[static_cast<std::size_t>(known_[i])] = i;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
      bits_[number_of(text[i]) * words_ + i / kWordBits] |= std::uint64_t{1} << (i % kWordBits);
    }
  }
  std::size_t words() const { return words_; }
  // So many words.
  const std::uint64_t* of(std::int32_t point) const {
    return bits_.data() + number_of(point) * words_;
  }

 private:
  static bool is_plain(std::int32_t point) { return point >= 0 && point < 0x80; }
  // One beyond the last where the text has none.
  std::size_t number_of(std::int32_t point) const {
    if (is_plain(point)) return plain_[static_cast<std::size_t>(point)];
    const auto at = std::ranges::lower_bound(known_, point);
    return at != known_.end() && *at == point ? static_cast<std::size_t>(at - known_.begin())
                                              : known_.size();
  }

  std::size_t words_;
  CodePoints known_;                         // ascending
  std::array<std::uint32_t, 0x80> plain_{};  // numbers of code points of one byte
  std::vector<std::uint64_t> bits_;
};

// Matches each of `left` with the first of `right` that is equal, at most `reach` away and not
// matched yet. Gives how many are matched.
std::size_t match_few(const CodePoints& left, const CodePoints& right, std::size_t reach,
                      Flags& left_matched, Flags& right_matched) {
  std::size_t matches = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const std::size_t begin = i > reach ? i - reach : 0;
    const std::size_t end = std::min(i + reach + 1, right.size());
    for (std::size_t j = begin; j < end; ++j) {
      if (right_matched[j] != 0 || left[i] != right[j]) continue;
      left_matched[i] = 1;
      right_matched[j] = 1;
      ++matches;
      break;
    }
  }
  return matches;
}
// The same for longer texts, a word of places at a time.
std::size_t match_many(const CodePoints& left, const CodePoints& right, std::size_t reach,
                       Flags& left_matched, Flags& right_matched) {
  const Places places(right);
  std::vector<std::uint64_t> open(places.words(), ~std::uint64_t{0});  // not matched yet
  std::size_t matches = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const std::uint64_t* const bits = places.of(left[i]);
    const std::size_t begin = i > reach ? i - reach : 0;
    const std::size_t end = std::min(i + reach + 1, right.size());
    if (begin >= end) continue;
    const std::size_t last = (end - 1) / kWordBits;
    std::uint64_t from_begin = ~std::uint64_t{0} << (begin % kWordBits);
    for (std::size_t word = begin / kWordBits; word <= last; ++word) {
      const std::uint64_t here = bits[word] & open[word] & from_begin;
      from_begin = ~std::uint64_t{0};
      if (here == 0) continue;
      const auto bit = static_cast<std::size_t>(std::countr_zero(here));
      if (word * kWordBits + bit >= end) break;
      open[word] &= ~(std::uint64_t{1} << bit);
      left_matched[i] = 1;
      right_matched[word * kWordBits + bit] = 1;
      ++matches;
      break;
    }
  }
  return matches;
}
}  // namespace

std::uint64_t similarity_work(std::string_view a, std::string_view b) {
  constexpr std::size_t kBytesMax = 4 * kSimilarityLengthMax;
  const bool is_compared = a.size() <= kBytesMax && b.size() <= kBytesMax;
  return is_compared ? a.size() * words_of(b.size()) : 0;
}

std::optional<double> jaro_winkler(std::string_view a, std::string_view b) {
  if (length_of(a) > kSimilarityLengthMax || length_of(b) > kSimilarityLengthMax) {
    return std::nullopt;
  }
  if (a == b) return 1;
  const CodePoints left = code_points(a);
  const CodePoints right = code_points(b);
  if (left.empty() || right.empty()) return 0;
  const std::size_t longest = std::max(left.size(), right.size());
  const std::size_t reach = longest / 2 > 0 ? longest / 2 - 1 : 0;
  Flags left_matched(left.size());
  Flags right_matched(right.size());
  constexpr std::size_t kFew = 1'024;  // comparisons
  const std::size_t matches = left.size() * right.size() <= kFew
                                  ? match_few(left, right, reach, left_matched, right_matched)
                                  : match_many(left, right, reach, left_matched, right_matched);
  if (matches == 0) return 0;
  std::size_t out_of_place = 0;
  std::size_t j = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left_matched[i] == 0) continue;
    while (right_matched[j] == 0) ++j;
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
