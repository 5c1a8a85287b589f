#include "runtime/decode/line_shape.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tocsin::runtime {
bool LineShape::fits(const char* text, const std::uint32_t* begin) const {
  Bytes other{};
  std::uint32_t structural = 0;
  for (const Part& part : parts_) {
    Bytes bytes;
    std::memcpy(&bytes, text + begin[part.mark], sizeof bytes);
    other |= (bytes ^ part.bytes) & part.mask;
    structural |= static_cast<std::uint32_t>(is_structural(text[begin[part.value]]));
  }
  for (const Tail& tail : tails_) {
    Bytes bytes;
    std::memcpy(&bytes, text + begin[tail.mark] + tail.offset, sizeof bytes);
    other |= (bytes ^ tail.bytes) & tail.mask;
  }
  return (other[0] | other[1] | structural) == 0;
}

bool LineShapes::wants_another() {
  return known_.size() + formless_ < kKnownMax || ++misses_ % kMissesPerForm == 0;
}

void LineShapes::learn(LineShape shape) {
  if (known_.size() < kKnownMax) {
    known_.push_back({std::move(shape), 0});
    return;
  }
  const auto fewest = std::ranges::min_element(known_, {}, &Known::hits);
  for (Known& known : known_) known.hits /= 2;
  *fewest = {std::move(shape), 0};
}
}  // namespace tocsin::runtime
