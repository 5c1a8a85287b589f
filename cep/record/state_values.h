/// Single values, and what suppression remembers, as bytes of an entry.
#pragma once
#include <cstdint>

#include "cep/base/byte_codec.h"
#include "cep/plan/plan_fwd.h"
#include "cep/record/suppression.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// A value of a feature.
void save_value(ByteWriter& to, const Value& value);
/// Its text is borrowed from the bytes. False for bytes of no value that a feature of this type can
/// have; with null, of any value.
bool restore_value(ByteReader& from, const Type* type, Value& value);
/// A time from kEventTimeMin to kEventTimeMax.
bool restore_time(ByteReader& from, std::int64_t& us);
void save_arrival(ByteWriter& to, const ArrivalNumber& arrival);
ArrivalNumber restore_arrival(ByteReader& from);

/// Bits of the first byte of what suppression remembers: what follows it, in this order.
struct Remembered {
  enum Bit : std::uint8_t {
    kLastAlert = 1,
    kSuppressed = 2,
    kLastUnit = 4,
    kQuiet = 8,  // nothing follows
    kLostRuns = 16,
    kRecent = 32,
    kTaken = 64,  // events of a variable; units before the last one
    kHeldTime = 128,
  };
};
/// Nothing is written where nothing is remembered.
void save_suppression(ByteWriter& to, const SuppressionState& state);
/// All that `from` has, as of `watermark`. False for bytes that no state of this clause has.
bool restore_suppression(ByteReader& from, const Suppression& clause, EventTime watermark,
                         SuppressionState& state);
}  // namespace tocsin::cep
