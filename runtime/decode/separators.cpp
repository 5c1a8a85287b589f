#include "runtime/decode/separators.h"

#include "runtime/decode/json_structure.h"

namespace tocsin::runtime {
bool Separators::scan(std::string_view lines) {
  if (lines.size() > INT32_MAX) return false;
  // Memory is not cleared for each scan, and stays.
  const std::size_t blocks = lines.size() / 64 + 1;
  if (quotes_.size() < blocks) {
    quotes_.resize(blocks);
    separators_.resize(1 + 64 * blocks + kSeparatorPadding);
    separators_[0] = kNone;
  }
  const SeparatorsFound found =
      scan_(lines.data(), lines.size(), {separators_.data() + 1, quotes_.data()});
  end_ = begin() + found.count;
  return found.is_sound && (found.is_ascii || is_utf8(lines));
}
}  // namespace tocsin::runtime
