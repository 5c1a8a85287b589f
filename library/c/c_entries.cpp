#include "library/c/c_entries.h"

namespace tocsin::library {
bool read_entry(ByteReader& from, ReadEntry& entry) {
  entry.what = from.u8();
  entry.group.value = from.u32();
  entry.key = from.raw(from.u32());
  if (entry.what == kPut) entry.value = from.raw(from.u32());
  return from.ok() && entry.what >= kPut && entry.what <= kClear &&
         entry.group.value < cep::kKeyGroupCount && entry.key.empty() == (entry.what == kClear);
}

CallResult fail_entries() {
  return fail_call(TOCSIN_CORRUPT, "these are no entries of such a state");
}
}  // namespace tocsin::library
