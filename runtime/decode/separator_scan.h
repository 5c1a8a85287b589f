/// The loops that find separators, for several sets of instructions; who wants them calls
/// runtime/decode/separators.h.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tocsin::runtime {
/// Bytes that must be readable behind what is scanned.
inline constexpr std::size_t kSeparatorPadding = 64;
/// The quotes of 64 bytes that begin or end a string, a bit for each byte, and how many there are
/// before these.
struct BlockQuotes {
  std::uint64_t bits = 0;
  std::uint64_t before = 0;
};
/// Where a scan writes to.
struct SeparatorBuffers {
  std::uint32_t* separators = nullptr;  // room for a byte's each, and kSeparatorPadding more
  BlockQuotes* quotes = nullptr;        // room for each 64 bytes
};
struct SeparatorsFound {
  std::size_t count = 0;
  bool is_sound = false;  // strings are closed, and have no control character; no backslash outside
  bool is_ascii = false;  // surely
};
/// Scans `size` bytes, which are whole lines.
using SeparatorScan = SeparatorsFound(const char* text, std::size_t size,
                                      const SeparatorBuffers& to);
enum class ScanLanes : std::uint8_t { kPlain, kAvx2, kAvx512 };
/// Null where it is not compiled, or this machine lacks the instructions.
SeparatorScan* separator_scan(ScanLanes lanes);
/// The widest that there is here.
SeparatorScan& separator_scan();
}  // namespace tocsin::runtime
