#include "cep/compile/value_index.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>

#include "cep/value/short_text.h"

namespace tocsin::cep {
namespace {
// No short text has this highest byte.
constexpr std::uint64_t kLong = std::uint64_t{0xff} << 56;

bool is_long(std::string_view text) { return text.size() > kShortTextMax; }
std::uint64_t word_of(std::string_view text) {
  return is_long(text) ? kLong | std::hash<std::string_view>{}(text) : short_text_word(text);
}
}  // namespace

void ValueIndex::add(std::int64_t word, std::uint32_t atom) {
  added_.push_back({static_cast<std::uint64_t>(word), {}, atom});
}
void ValueIndex::add(std::string_view text, std::uint32_t atom) {
  added_.push_back({word_of(text), is_long(text) ? std::string(text) : std::string(), atom});
}

void ValueIndex::finish() {
  if (added_.empty()) return;
  std::sort(added_.begin(), added_.end());
  added_.erase(std::unique(added_.begin(), added_.end()), added_.end());
  std::size_t values = 0;
  bool any_long = false;
  const auto is_same = [&](std::size_t a, std::size_t b) {
    return added_[a].word == added_[b].word && added_[a].text == added_[b].text;
  };
  for (std::size_t i = 0; i < added_.size(); ++i) {
    values += i == 0 || !is_same(i - 1, i) ? 1 : 0;
    any_long = any_long || !added_[i].text.empty();
  }
  const std::size_t size = std::bit_ceil(values + values / 2 + 1);
  shift_ = 64 - static_cast<unsigned>(std::countr_zero(size));
  slots_.resize(size);
  if (any_long) long_texts_.resize(size);
  for (std::size_t i = 0; i < added_.size();) {
    const Added& first = added_[i];
    std::size_t place = home(first.word);
    while (slots_[place].begin != slots_[place].end) place = (place + 1) & (size - 1);
    Slot& slot = slots_[place];
    slot.word = first.word;
    slot.begin = static_cast<std::uint32_t>(atoms_.size());
    const std::size_t begin = i;
    for (; i < added_.size() && is_same(begin, i); ++i) atoms_.push_back(added_[i].atom);
    slot.end = static_cast<std::uint32_t>(atoms_.size());
    if (!first.text.empty()) {
      long_texts_[place] = {static_cast<std::uint32_t>(bytes_.size()),
                            static_cast<std::uint32_t>(first.text.size())};
      bytes_ += first.text;
    }
  }
  atoms_.shrink_to_fit();
  added_ = {};
}

std::span<const std::uint32_t> ValueIndex::find(std::uint64_t word,
                                                std::string_view long_text) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = home(word);; i = (i + 1) & mask) {
    const Slot& slot = slots_[i];
    if (slot.begin == slot.end) return {};
    if (slot.word != word) continue;
    if (!long_text.empty()) {
      const LongText& text = long_texts_[i];
      if (std::string_view(bytes_).substr(text.begin, text.size) != long_text) continue;
    }
    return {atoms_.data() + slot.begin, slot.end - slot.begin};
  }
}

std::span<const std::uint32_t> ValueIndex::of_word(std::int64_t word) const {
  if (slots_.empty()) return {};
  return find(static_cast<std::uint64_t>(word), {});
}
std::span<const std::uint32_t> ValueIndex::of_text(std::string_view text) const {
  if (slots_.empty()) return {};
  if (!is_long(text)) return find(short_text_word(text), {});
  if (long_texts_.empty()) return {};
  return find(word_of(text), text);
}

void RangeIndex::finish() {
  if (ranges_.empty()) return;
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range& a, const Range& b) { return a.low < b.low; });
  leaves_ = std::bit_ceil(ranges_.size());
  highest_.assign(2 * leaves_, std::numeric_limits<std::int64_t>::min());
  for (std::size_t i = 0; i < ranges_.size(); ++i) highest_[leaves_ + i] = ranges_[i].high;
  for (std::size_t i = leaves_; i-- > 1;) {
    highest_[i] = std::max(highest_[2 * i], highest_[2 * i + 1]);
  }
}
}  // namespace tocsin::cep
