#include "cep/base/byte_codec.h"

#include <algorithm>

namespace tocsin {
namespace {
constexpr std::size_t kVarintBytesMax = 10;
}  // namespace

void ByteWriter::varint_of_word(std::uint64_t value) {
  // Seven bits into each byte of a word: its halves apart, then their halves, then those'.
  value = (value & 0xfffffff0000000) << 4 | (value & 0xfffffff);
  value = (value & 0x0fffc0000fffc000) << 2 | (value & 0x00003fff00003fff);
  value = (value & 0x3f803f803f803f80) << 1 | (value & 0x007f007f007f007f);
  const auto last = (static_cast<unsigned>(std::bit_width(value)) - 1) / 8;
  u64(value | (0x8080808080808080 & ((std::uint64_t{1} << (8 * last)) - 1)));
  to_.resize(to_.size() - (sizeof value - 1 - last));
}

void ByteWriter::long_varint(std::uint64_t value) {
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

std::uint64_t ByteReader::long_varint() {
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
