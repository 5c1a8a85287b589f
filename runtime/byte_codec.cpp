#include "runtime/byte_codec.h"

namespace tocsin::runtime {
void ByteWriter::varint(std::uint64_t value) {
  while (value >= 0x80) {
    u8(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  u8(static_cast<std::uint8_t>(value));
}

void ByteWriter::text(std::string_view value) {
  varint(value.size());
  raw(value);
}

std::uint64_t ByteReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint8_t byte = u8();
    if (!ok_) return 0;
    // The tenth byte has one bit; a last byte of zero could have been left out.
    if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0)) break;
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return value;
  }
  fail();
  return 0;
}

std::uint64_t ByteReader::varint_up_to(std::uint64_t most) {
  const std::uint64_t value = varint();
  if (value <= most) return value;
  fail();
  return 0;
}

std::string_view ByteReader::text() {
  const std::uint64_t size = varint();
  if (size > left_.size()) fail();
  return ok_ ? raw(static_cast<std::size_t>(size)) : std::string_view();
}

std::string_view ByteReader::raw(std::size_t count) {
  if (count > left_.size()) {
    fail();
    return {};
  }
  const std::string_view bytes = left_.substr(0, count);
  left_.remove_prefix(count);
  return bytes;
}
}  // namespace tocsin::runtime
