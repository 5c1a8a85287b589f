/// Entries of a state as bytes (include/tocsin.h): u8 1 put, 2 remove, 3 clear | u32 group | u32
/// size, key | put: u32 size, value; little endian. To clear has no key.
#pragma once
#include <cstdint>
#include <string_view>

#include "cep/base/byte_codec.h"
#include "cep/value/key.h"
#include "library/c/c_call.h"

namespace tocsin::library {
enum EntryKind : std::uint8_t { kPut = 1, kRemove = 2, kClear = 3 };
struct ReadEntry {
  std::uint8_t what = 0;  // kPut, …
  cep::KeyGroup group;
  std::string_view key;
  std::string_view value;
};
/// Reads the next one; false for bytes that are none.
bool read_entry(ByteReader& from, ReadEntry& entry);
CallResult fail_entries();
}  // namespace tocsin::library
