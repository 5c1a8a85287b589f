/// How much work alerts are.
#pragma once
#include <cstdint>

namespace tocsin::cep {
/// An alert's id, or its text, is as much work as so many of what Workers calls rows.
inline constexpr std::uint64_t kRowsOfAlert = 4;
}  // namespace tocsin::cep
