#include "cep/base/byte_codec.h"

#include <algorithm>

namespace tocsin {
namespace {
constexpr std::size_t kVarintBytesMax = 10;
}  // namespace

void ByteWriter::varint(std::uint64_t value) {
  char bytes[kVarintBytesMax];
  std::size_t count = 0;
  for (; value >= 0x80; value >>= 7) bytes[count++] = static_cast<char>(value | 0x80);
  bytes[count++] = static_cast<char>(value);
  to_.append(bytes, count);
}

void ByteWriter::text(std::string_view value) {
  varint(value.size());
  raw(value);
}

std::uint64_t ByteReader::varint() {
  const std::size_t most = std::min(left_.size(), kVarintBytesMax);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < most; ++i) {
    const auto byte = static_cast<std::uint8_t>(left_[i]);
    // The tenth byte has one bit; a last byte of zero could have been left out.
    if ((i + 1 == kVarintBytesMax && byte > 1) || (i > 0 && byte == 0)) break;
    value |= std::uint64_t{byte & 0x7fU} << (7 * i);
    if (byte < 0x80) {
      left_.remove_prefix(i + 1);
      return value;
    }
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
}  // namespace tocsin
