#include "runtime/decode/type_names.h"

#include <utility>

namespace tocsin::runtime {
TypeNames::TypeNames(std::vector<std::string> words, std::vector<int> types)
    : words_(std::move(words)), types_(std::move(types)) {}

int TypeNames::look_up(const char* raw) {
  const int word = words_.find(raw);
  if (word == WordTable::kAbsent) return kTypeIgnored;
  const int type = types_[static_cast<std::size_t>(word)];
  const std::size_t quoted = string_inside(raw).size() + 1;
  if (quoted > 2 * sizeof(std::uint64_t)) return type;
  const std::uint64_t first = load_word(raw);
  Known& known = known_[place(first)];
  known.first_mask = low_bytes(quoted);
  known.second_mask = quoted > 8 ? low_bytes(quoted - 8) : 0;
  known.first = first & known.first_mask;
  known.second = load_word(raw + 8) & known.second_mask;
  known.type = type;
  return type;
}
}  // namespace tocsin::runtime
