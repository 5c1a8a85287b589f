#include "cep/value/key.h"

#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "cep/base/assert.h"
#include "cep/value/buffer_values.h"
#include "cep/value/text_buffer.h"

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

namespace tocsin::cep {
namespace {
// What follows is appended to a std::string or a TextBuffer.
template <typename Out>
void append_big_endian(Out& out, std::uint64_t value, unsigned bytes) {
  static_assert(std::endian::native == std::endian::little);
  const std::uint64_t reversed = __builtin_bswap64(value);
  std::array<char, 8> all;
  std::memcpy(all.data(), &reversed, all.size());
  out.append(std::string_view(all.data() + (8 - bytes), bytes));
}

std::uint64_t as_64_bits(Int128 number) {
  TOCSIN_ASSERT(number >= std::numeric_limits<std::int64_t>::min() &&
                    number <= std::numeric_limits<std::int64_t>::max(),
                "keys are fields of events, whose numbers have 64 bits");
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(number));
}

template <typename Out>
void put_key_part(Out& out, const Value& value) {
  switch (value.kind) {
    case ValueKind::kBool:
      out.push_back('\x01');
      out.push_back(value.is_true() ? '\x01' : '\x00');
      return;
    case ValueKind::kInt:
    case ValueKind::kDecimal: {
      Int128 mantissa = value.number;
      std::uint8_t scale = value.scale;
      for (; scale > 0 && mantissa % 10 == 0; --scale) mantissa /= 10;
      out.push_back('\x02');
      append_big_endian(out, as_64_bits(mantissa), 8);
      out.push_back(static_cast<char>(scale));
      return;
    }
    case ValueKind::kFloat:
      out.push_back('\x03');
      append_big_endian(out, std::bit_cast<std::uint64_t>(value.real + 0.0), 8);
      return;
    case ValueKind::kString:
      out.push_back('\x04');
      out.append(value.text);
      return;
    case ValueKind::kTime:
      out.push_back('\x05');
      append_big_endian(out, as_64_bits(value.number), 8);
      return;
    case ValueKind::kDate:
      out.push_back('\x06');
      append_big_endian(out, as_64_bits(value.number), 8);
      return;
    case ValueKind::kDuration:
      out.push_back('\x07');
      append_big_endian(out, as_64_bits(value.number), 8);
      return;
    case ValueKind::kEnum:
      out.push_back('\x08');
      out.append(value.text);
      return;
    case ValueKind::kMissing:
    case ValueKind::kFraction:
      break;
  }
  TOCSIN_ASSERT(false, "a key part is a known field of an event");
}
}  // namespace

void append_key_part(std::string& out, const Value& value) { put_key_part(out, value); }
void append_key_part(TextBuffer& out, const Value& value) { put_key_part(out, value); }

void append_key(std::string& out, std::span<const Value> parts) {
  if (parts.size() == 1) return append_key_part(out, parts.front());
  constexpr std::size_t kLengthBytes = 4;
  for (const Value& value : parts) {
    const std::size_t begin = out.size();
    append_big_endian(out, 0, kLengthBytes);
    append_key_part(out, value);
    const std::size_t length = out.size() - begin - kLengthBytes;
    for (std::size_t i = 0; i < kLengthBytes; ++i) {
      out[begin + i] = static_cast<char>(length >> (8 * (kLengthBytes - 1 - i)));
    }
  }
}

std::string key_bytes(std::span<const Value> parts) {
  std::string out;
  append_key(out, parts);
  return out;
}

KeyGroup key_group(std::string_view key_bytes) {
  const std::uint64_t hash = XXH3_64bits(key_bytes.data(), key_bytes.size());
  return KeyGroup{static_cast<std::uint32_t>(hash % kKeyGroupCount)};
}
}  // namespace tocsin::cep
