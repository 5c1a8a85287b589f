/// Key bytes and key groups: the canonical form of a key on disk, in ids and in the order. Format
/// 1, golden vectors in tests/golden/keys.txt.
///
/// One part: tag u8, then the payload.
///   1 bool      u8 0 or 1
///   2 number    int and decimal alike: i64 big endian mantissa without trailing zeros, u8 scale (5
///   = 5.00) 3 float     u64 big endian bits, -0 as +0 4 string    UTF-8 as is        8 enum  its
///   word 5 time, 6 date, 7 duration     i64 big endian (us, days, us)
/// Several parts: for each u32 big endian length, then its bytes. No part (a rule without `by`): no
/// bytes.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cep/value/value.h"

namespace tocsin::cep {
inline constexpr std::uint32_t kKeyGroupCount = 1024;
struct KeyGroup {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(KeyGroup, KeyGroup) = default;
};
/// Appends the canonical bytes of one part; the value is not missing and no fraction.
void append_key_part(std::string& out, const Value& value);
/// Appends the bytes of a whole key of `parts`, none missing.
void append_key(std::string& out, std::span<const Value> parts);
/// The same alone.
std::string key_bytes(std::span<const Value> parts);
/// XXH3-64 (seed 0) of the key bytes, modulo 1,024.
KeyGroup key_group(std::string_view key_bytes);
}  // namespace tocsin::cep
