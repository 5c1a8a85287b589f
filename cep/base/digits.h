/// Decimal digits of numbers, two or eight at a time, into room that the caller gives.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tocsin::cep {
/// "00" to "99".
inline constexpr std::array<char, 200> kDigitPairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();
/// Writes two digits; `number` is below 100. Gives the place after them.
inline char* put_two_digits(char* to, std::uint64_t number) {
  std::memcpy(to, kDigitPairs.data() + 2 * number, 2);
  return to + 2;
}
/// Writes eight digits; `number` is below 100,000,000. Halves are divided at the same time: two of
/// four digits, four of two, eight of one.
inline void put_eight_digits(char* to, std::uint64_t number) {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t parts = number / 10'000 | number % 10'000 << 32;
  const std::uint64_t hundreds = parts * 10'486 >> 20 & 0x7f'0000'007f;
  parts = hundreds | (parts - hundreds * 100) << 16;
  const std::uint64_t tens = parts * 103 >> 10 & 0xf'000f'000f'000f;
  parts = tens | (parts - tens * 10) << 8;
  parts |= 0x3030'3030'3030'3030;
  std::memcpy(to, &parts, sizeof parts);
}
/// Writes at least one digit, the last before `end`. Gives where they begin: at most 20 before.
inline char* put_digits_before(char* end, std::uint64_t number) {
  while (number >= 100'000'000) {
    end -= 8;
    put_eight_digits(end, number % 100'000'000);
    number /= 100'000'000;
  }
  while (number >= 100) {
    end -= 2;
    put_two_digits(end, number % 100);
    number /= 100;
  }
  if (number >= 10) {
    end -= 2;
    put_two_digits(end, number);
  } else {
    *--end = static_cast<char>('0' + number);
  }
  return end;
}
}  // namespace tocsin::cep
