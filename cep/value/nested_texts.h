/// Texts that stand in others.
#pragma once
#include <span>
#include <string_view>
#include <vector>

namespace tocsin::cep {
/// For each text, whether another of the texts stands in it; of equal texts, whether it is not the
/// first. Where a text has another in it, so it has one for which this is false. An empty text
/// stands in none. Time and memory grow with the bytes of all texts, once they are sorted.
std::vector<bool> have_others_inside(std::span<const std::string_view> texts);
}  // namespace tocsin::cep
