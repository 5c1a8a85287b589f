/// Copies of bytes that are mostly few.
#pragma once
#include <array>
#include <cstddef>
#include <cstring>

namespace tocsin::cep {
/// Copies between kPiece and twice as many bytes, as two pieces that may overlap.
template <std::size_t kPiece>
inline void copy_as_two(char* to, const char* from, std::size_t size) {
  std::array<char, kPiece> first;
  std::array<char, kPiece> last;
  std::memcpy(first.data(), from, kPiece);
  std::memcpy(last.data(), from + size - kPiece, kPiece);
  std::memcpy(to, first.data(), kPiece);
  std::memcpy(to + size - kPiece, last.data(), kPiece);
}
/// As std::memcpy(), without a call for up to 32 bytes.
inline void copy_short(char* to, const char* from, std::size_t size) {
  if (size >= 8) {
    if (size <= 16) return copy_as_two<8>(to, from, size);
    if (size <= 32) return copy_as_two<16>(to, from, size);
    std::memcpy(to, from, size);
    return;
  }
  if (size >= 4) return copy_as_two<4>(to, from, size);
  if (size >= 2) return copy_as_two<2>(to, from, size);
  if (size == 1) *to = *from;
}
}  // namespace tocsin::cep
