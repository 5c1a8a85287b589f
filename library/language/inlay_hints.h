/// What a text leaves unsaid, shown inside it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "library/language/checked_pack.h"

namespace tocsin::library {
struct InlayHint {
  std::uint32_t byte = 0;  // before which it is shown
  std::string text;
};
/// Of a file, by place: the type of each key behind `by`; behind `within` of a rule or a step, from
/// which event on it counts; and in tests the values that `defaults` give to an event's other
/// fields.
std::vector<InlayHint> inlay_hints(const CheckedPack& pack, std::uint32_t file);
}  // namespace tocsin::library
