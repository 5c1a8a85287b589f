#include "runtime/io/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__SSE4_2__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace tocsin::runtime {
namespace {
constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78U : 0U);
    table[i] = value;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kTable = make_table();
}  // namespace

std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t crc) {
  crc = ~crc;
  for (const char byte : bytes) {
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  }
  return ~crc;
}

#if defined(__SSE4_2__) || defined(__ARM_FEATURE_CRC32)
namespace {
std::uint32_t step_word(std::uint32_t crc, std::uint64_t word) {
#if defined(__SSE4_2__)
  return static_cast<std::uint32_t>(_mm_crc32_u64(crc, word));
#else
  return __crc32cd(crc, word);
#endif
}
std::uint32_t step_byte(std::uint32_t crc, std::uint8_t byte) {
#if defined(__SSE4_2__)
  return _mm_crc32_u8(crc, byte);
#else
  return __crc32cb(crc, byte);
#endif
}
std::uint64_t word_at(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, 8);  // both kinds of processor are little endian here
  return word;
}

// The instruction has a latency of three cycles and starts every cycle, so three lanes side by side
// take the time of one. What a lane's checksum becomes by the bytes of the next, were they zeros,
// is linear: a column of bits for each bit of the checksum.
constexpr std::size_t kLaneBytes = 2048;
using Columns = std::array<std::uint32_t, 32>;
constexpr std::uint32_t applied(const Columns& columns, std::uint32_t crc) {
  std::uint32_t result = 0;
  for (std::size_t bit = 0; crc != 0; ++bit, crc >>= 1) {
    if ((crc & 1) != 0) result ^= columns[bit];
  }
  return result;
}
constexpr Columns make_lane_columns() {
  Columns columns{};
  for (std::size_t bit = 0; bit < columns.size(); ++bit) {  // for one byte
    const std::uint32_t crc = std::uint32_t{1} << bit;
    columns[bit] = (crc >> 8) ^ kTable[crc & 0xff];
  }
  for (std::size_t bytes = 1; bytes < kLaneBytes; bytes *= 2) {  // for twice as many
    Columns twice{};
    for (std::size_t bit = 0; bit < columns.size(); ++bit)
      twice[bit] = applied(columns, columns[bit]);
    columns = twice;
  }
  return columns;
}
using LaneTable = std::array<std::array<std::uint32_t, 256>, 4>;
constexpr LaneTable make_lane_table() {
  constexpr Columns kColumns = make_lane_columns();
  LaneTable table{};
  for (std::size_t place = 0; place < table.size(); ++place) {
    for (std::uint32_t byte = 0; byte < 256; ++byte)
      table[place][byte] = applied(kColumns, byte << (8 * place));
  }
  return table;
}
constexpr LaneTable kLaneTable = make_lane_table();

std::uint32_t past_lane(std::uint32_t crc) {
  return kLaneTable[0][crc & 0xff] ^ kLaneTable[1][crc >> 8 & 0xff] ^
         kLaneTable[2][crc >> 16 & 0xff] ^ kLaneTable[3][crc >> 24];
}
}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc) {
  crc = ~crc;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 3 * kLaneBytes; at += 3 * kLaneBytes, left -= 3 * kLaneBytes) {
    std::uint32_t second = 0;
    std::uint32_t third = 0;
    for (std::size_t i = 0; i < kLaneBytes; i += 8) {
      crc = step_word(crc, word_at(at + i));
      second = step_word(second, word_at(at + kLaneBytes + i));
      third = step_word(third, word_at(at + 2 * kLaneBytes + i));
    }
    crc = past_lane(past_lane(crc) ^ second) ^ third;
  }
  for (; left >= 8; at += 8, left -= 8) {
    crc = step_word(crc, word_at(at));
  }
  for (; left > 0; ++at, --left) crc = step_byte(crc, static_cast<std::uint8_t>(*at));
  return ~crc;
}
#else
std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc) {
  return crc32c_portable(bytes, crc);
}
#endif
}  // namespace tocsin::runtime
