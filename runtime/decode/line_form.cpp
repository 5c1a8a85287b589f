#include "runtime/decode/line_form.h"

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif
#include <algorithm>
#include <cstring>
#include <utility>

namespace tocsin::runtime {
namespace {
[[gnu::noinline]] bool are_plain(const char* begin, const char* end) {
  return LineForm::is_usual(begin, end);
}
// Whether these characters are some, and plain. Sixteen can be read.
inline bool is_some_plain(const char* begin, const char* end) {
#ifdef __SSE4_2__
  const auto size = static_cast<std::uint32_t>(end - begin);
  if (size - 1 >= 16) return are_plain(begin, end);
  // What stands here at the lower half of a byte, its case folded, is the byte itself where it is
  // not plain: brackets and braces, folded, are one character.
  const __m128i marks =
      _mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, ':', '{', '|', '}', -1, 0);
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(begin));
  const __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
  const __m128i marked = _mm_cmpeq_epi8(_mm_shuffle_epi8(marks, folded), folded);
  const __m128i low = _mm_cmpgt_epi8(_mm_set1_epi8(',' + 1), bytes);
  const auto others = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_or_si128(marked, low)));
  return others << (32 - size) == 0;
#else
  return are_plain(begin, end);
#endif
}
}  // namespace

bool LineForm::fits(const SeparatedLine& line, std::uint32_t& quotes) const {
  const std::uint32_t* const separators = line.before;
  if (separators + whole_.end >= line.of->end()) return false;
  if (line.text[separators[whole_.end]] != '\n') return false;  // mostly it has another number
  // Nothing before the line is read.
  if (separators[1] - line.begin() < lead_max_) return false;
  Bytes other{};
  for (const Part& part : parts_) {
    Bytes bytes;
    std::memcpy(&bytes, line.text + (separators[part.separator] - part.lead), sizeof bytes);
    other |= (bytes ^ part.bytes) & part.mask;
  }
  if ((other[0] | other[1]) != 0) return false;
  for (const SeparatedSpan& value : plain_) {
    if (!is_some_plain(value.from(line), value.to(line))) return false;
  }
  std::uint32_t strings = 0;
  for (const SeparatedSpan& value : either_) {
    const char* const from = value.from(line);
    const char* const to = value.to(line);
    if (from < to && *from == '"') {
      if (to[-1] != '"') return false;
      ++strings;
    } else if (!is_some_plain(from, to)) {
      return false;
    }
  }
  quotes = line.of->quotes_before(separators[whole_.end]);
  return quotes - line.quotes == quotes_ + 2 * strings;
}

bool LineForms::wants_another() {
  return known_.size() + formless_ < kKnownMax || ++misses_ % kMissesPerForm == 0;
}

const LineForm* LineForms::like(const LineForm& form) const {
  const auto known = std::ranges::find_if(
      known_, [&](const Known& one) { return one.form.skeleton() == form.skeleton(); });
  return known == known_.end() ? nullptr : &known->form;
}

void LineForms::learn(LineForm form) {
  const auto same = std::ranges::find_if(
      known_, [&](const Known& one) { return one.form.skeleton() == form.skeleton(); });
  if (same != known_.end()) {
    // A line that has the form was walked for another reason, as others may be.
    if (std::ranges::equal(same->form.kinds(), form.kinds())) ++formless_;
    same->form = std::move(form);
    return;
  }
  if (known_.size() < kKnownMax) {
    known_.push_back({std::move(form), 0});
    return;
  }
  const auto fewest = std::ranges::min_element(known_, {}, &Known::hits);
  for (Known& known : known_) known.hits /= 2;
  *fewest = {std::move(form), 0};
}
}  // namespace tocsin::runtime
