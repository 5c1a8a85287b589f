#include "library/c/c_entries.h"

#include <cstdint>

namespace tocsin::library {
bool read_entry(ByteReader& from, ReadEntry& entry) {
  const std::uint8_t what = from.u8();
  entry.is_put = what == 1;
  entry.group.value = from.u32();
  entry.key = from.raw(from.u32());
  if (entry.is_put) entry.value = from.raw(from.u32());
  return from.ok() && (what == 1 || what == 2) && entry.group.value < cep::kKeyGroupCount &&
         !entry.key.empty();
}

CallResult fail_entries() {
  return fail_call(TOCSIN_CORRUPT, "these are no entries of such a state");
}
}  // namespace tocsin::library
