/// CRC32C (Castagnoli; RFC 3720, B.4), by the processor's instruction where it has one.
#pragma once
#include <cstdint>
#include <string_view>

namespace tocsin::runtime {
/// The checksum of what `crc` is of, followed by `bytes`; `crc` 0 is that of nothing.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc = 0);
/// The same without the instruction.
std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t crc = 0);
}  // namespace tocsin::runtime
