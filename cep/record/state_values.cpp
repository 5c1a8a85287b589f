#include "cep/record/state_values.h"

#include <bit>

#include "cep/plan/calendar.h"
#include "cep/record/state_events.h"
#include "cep/record/suppressed_count.h"

namespace tocsin::cep {
namespace {
using Bits128 = unsigned __int128;

void save_number(ByteWriter& to, Int128 number) {
  const Bits128 bits = static_cast<Bits128>(number) << 1 ^ static_cast<Bits128>(number >> 127);
  to.varint(static_cast<std::uint64_t>(bits));
  to.varint(static_cast<std::uint64_t>(bits >> 64));
}
Int128 restore_number(ByteReader& from) {
  const Bits128 low = from.varint();
  const Bits128 bits = static_cast<Bits128>(from.varint()) << 64 | low;
  return static_cast<Int128>(bits >> 1 ^ (Bits128{0} - (bits & 1)));
}

bool is_kind_of(const Type& type, const Value& value) {
  switch (type.kind) {
    case TypeKind::kBool:
      return value.kind == ValueKind::kBool;
    case TypeKind::kInt:
      return value.kind == ValueKind::kInt;
    case TypeKind::kFloat:
      return value.kind == ValueKind::kFloat;
    case TypeKind::kDecimal:
    case TypeKind::kFraction:
      return value.kind == ValueKind::kInt || value.kind == ValueKind::kDecimal ||
             value.kind == ValueKind::kFraction;
    case TypeKind::kString:
      return value.kind == ValueKind::kString;
    case TypeKind::kTime:
      return value.kind == ValueKind::kTime;
    case TypeKind::kDate:
      return value.kind == ValueKind::kDate;
    case TypeKind::kDuration:
      return value.kind == ValueKind::kDuration;
    case TypeKind::kEnum:
      return value.kind == ValueKind::kEnum;
  }
  return false;
}

using enum Remembered::Bit;
}  // namespace

void save_value(ByteWriter& to, const Value& value) {
  to.u8(static_cast<std::uint8_t>(value.kind));
  switch (value.kind) {
    case ValueKind::kMissing:
      return;
    case ValueKind::kFloat:
      to.u64(std::bit_cast<std::uint64_t>(value.real));
      return;
    case ValueKind::kString:
      to.text(value.text);
      return;
    case ValueKind::kDecimal:
      to.u8(value.scale);
      break;
    case ValueKind::kFraction:
      save_number(to, value.denominator);
      break;
    default:
      break;
  }
  save_number(to, value.number);
}

bool restore_value(ByteReader& from, const Type* type, Value& value) {
  value = Value::missing();
  value.kind =
      static_cast<ValueKind>(from.varint_up_to(static_cast<std::uint8_t>(ValueKind::kEnum)));
  if (value.kind == ValueKind::kMissing) return from.ok();
  if (type != nullptr && !is_kind_of(*type, value)) return false;
  if (value.kind == ValueKind::kFloat) {
    const std::uint64_t bits = from.u64();
    value.real = std::bit_cast<double>(bits);
    return from.ok() && (type == nullptr || is_word_of(*type, static_cast<std::int64_t>(bits)));
  }
  if (value.kind == ValueKind::kString) {
    value.text = from.text();
    return from.ok() && is_utf8(value.text);
  }
  if (value.kind == ValueKind::kDecimal) {
    value.scale = from.u8();
    if (type != nullptr && value.scale > kScaleMax && value.scale != type->scale) return false;
  }
  if (value.kind == ValueKind::kFraction) {
    value.denominator = restore_number(from);
    if (value.denominator <= 0) return false;
  }
  value.number = restore_number(from);
  if (!from.ok()) return false;
  if (type == nullptr) return true;
  const bool is_sum = value.kind == ValueKind::kInt || value.kind == ValueKind::kDecimal ||
                      value.kind == ValueKind::kFraction;
  if (is_sum) return true;
  const auto word = static_cast<std::int64_t>(value.number);
  if (word != value.number || !is_word_of(*type, word)) return false;
  if (value.kind == ValueKind::kEnum) value.text = (*type->words)[static_cast<std::size_t>(word)];
  return true;
}

bool restore_time(ByteReader& from, std::int64_t& us) {
  us = from.signed_varint();
  return from.ok() && us >= kEventTimeMin.us && us <= kEventTimeMax.us;
}

void save_arrival(ByteWriter& to, const ArrivalNumber& arrival) {
  to.varint(arrival.record);
  to.varint(arrival.index);
  to.varint(arrival.after);
}
ArrivalNumber restore_arrival(ByteReader& from) {
  ArrivalNumber arrival;
  arrival.record = from.varint();
  arrival.index = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
  arrival.after = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
  return arrival;
}

void save_suppression(ByteWriter& to, const SuppressionState& state) {
  const bool has_alert = state.last_alert_us != OnceState::kNever;
  const bool has_unit = !state.units.empty();
  const bool has_more = !state.taken.empty() || state.units.size() > 1;
  const bool has_held_time = state.held_us != OnceState::kNever;
  const int remembered = (has_alert ? kLastAlert : 0) | (state.held_back > 0 ? kSuppressed : 0) |
                         (has_unit ? kLastUnit : 0) | (state.quiet ? kQuiet : 0) |
                         (state.lost_runs > 0 ? kLostRuns : 0) |
                         (state.recent.empty() ? 0 : kRecent) | (has_more ? kTaken : 0) |
                         (has_held_time ? kHeldTime : 0);
  if (remembered == 0) return;
  to.u8(static_cast<std::uint8_t>(remembered));
  if (has_alert) to.signed_varint(state.last_alert_us);
  if (state.held_back > 0) to.varint(state.held_back);
  if (has_unit) to.signed_varint(state.units.back());
  if (state.lost_runs > 0) to.varint(state.lost_runs);
  if (!state.recent.empty()) {
    to.varint(state.recent.size());
    for (const std::int64_t us : state.recent) to.signed_varint(us);
  }
  if (!state.taken.empty()) {
    to.varint(state.taken.size());
    for (const VariableEvent& taken : state.taken) {
      to.signed_varint(taken.time_us);
      save_arrival(to, taken.event);
    }
  }
  if (state.units.size() > 1) {
    to.varint(state.units.size() - 1);
    for (std::size_t i = 0; i + 1 < state.units.size(); ++i) to.signed_varint(state.units[i]);
  }
  if (has_held_time) to.signed_varint(state.held_us);
}

namespace {
// Those before the one that `units` has.
bool restore_earlier_units(ByteReader& from, CalendarUnit unit, std::vector<std::int64_t>& units) {
  if (units.empty()) return false;
  const std::uint64_t count = from.varint_up_to(from.left());
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::int64_t number = from.signed_varint();
    if (!is_unit_number(unit, number) || number >= units.back()) return false;
    if (i > 0 && number <= units[units.size() - 2]) return false;
    units.insert(units.end() - 1, number);
  }
  return count > 0 && from.ok();
}
}  // namespace

bool restore_suppression(ByteReader& from, const Suppression& clause, EventTime watermark,
                         SuppressionState& state) {
  if (from.is_done()) return true;
  const std::uint8_t remembered = from.u8();
  const int possible =
      kSuppressed | kLostRuns | (ends_by_last_held(clause) ? kHeldTime : 0) |
      (clause.kind() == Once::kPerDuration || clause.kind() == Once::kWhile ? kLastAlert : 0) |
      (clause.kind() == Once::kPerUnit ? kLastUnit : 0) |
      (clause.kind() == Once::kWhile ? kQuiet : 0) | (clause.at_most ? kRecent : 0) |
      (clause.kind() == Once::kPerVariable || clause.kind() == Once::kPerUnit ? kTaken : 0);
  if (remembered == 0 || (remembered & ~possible) != 0) return false;
  if ((remembered & kLastAlert) != 0 && !restore_time(from, state.last_alert_us)) return false;
  if ((remembered & kSuppressed) != 0) {
    state.held_back = from.varint();
    if (state.held_back == 0) return false;
  }
  if ((remembered & kLastUnit) != 0) {
    state.units = {from.signed_varint()};
    if (!is_unit_number(clause.unit(), state.units.front())) return false;
  }
  state.quiet = (remembered & kQuiet) != 0;
  if ((remembered & kLostRuns) != 0) {
    state.lost_runs = from.varint();
    if (state.lost_runs == 0) return false;
  }
  if ((remembered & kRecent) != 0) {
    const std::uint64_t count = from.varint_up_to(from.left());
    for (std::uint64_t i = 0; i < count; ++i) {
      std::int64_t us = 0;
      if (!restore_time(from, us) || (i > 0 && us < state.recent.back())) return false;
      state.recent.push_back(us);
    }
    if (count == 0) return false;
  }
  if ((remembered & kTaken) != 0 && clause.kind() == Once::kPerUnit) {
    if (!restore_earlier_units(from, clause.unit(), state.units)) return false;
  } else if ((remembered & kTaken) != 0) {
    const std::uint64_t count = from.varint_up_to(from.left());
    for (std::uint64_t i = 0; i < count; ++i) {
      VariableEvent taken;
      if (!restore_time(from, taken.time_us)) return false;
      taken.event = restore_arrival(from);
      if (i > 0 && taken <= state.taken.back()) return false;
      state.taken.push_back(taken);
    }
    if (count == 0) return false;
  }
  if ((remembered & kHeldTime) != 0) {
    if (state.held_back == 0 || !restore_time(from, state.held_us)) return false;
  } else if (state.held_back > 0 && ends_by_last_held(clause)) {
    state.held_us = watermark.us;  // written before counts had this time
  }
  if (state.quiet && state.last_alert_us == OnceState::kNever) state.last_alert_us = watermark.us;
  return from.is_done();
}
}  // namespace tocsin::cep
