#include "cep/data/list_program.h"

#include <bit>
#include <limits>
#include <vector>

#include "cep/base/assert.h"
#include "cep/data/network_key.h"
#include "cep/plan/plan_names.h"
#include "cep/value/ip_address.h"

namespace tocsin::cep {
namespace {
constexpr std::size_t kWordBytes = 8;
constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

bool is_text(const Type& type) {
  return type.kind == TypeKind::kString || type.kind == TypeKind::kEnum;
}
bool is_number(ValueKind kind) {
  return kind == ValueKind::kInt || kind == ValueKind::kDecimal || kind == ValueKind::kFraction ||
         kind == ValueKind::kFloat;
}

// In the order of the doubles; -0 is 0.
std::int64_t word_of(double real) {
  const auto bits = std::bit_cast<std::int64_t>(real + 0.0);
  return bits >= 0 ? bits : std::numeric_limits<std::int64_t>::min() - bits;
}
double double_of(std::int64_t word) {
  return std::bit_cast<double>(word >= 0 ? word : std::numeric_limits<std::int64_t>::min() - word);
}

// The word of a value as an element of type `type`; nothing where it is none, exactly.
std::optional<std::int64_t> word_of(const Type& type, const Value& value) {
  Int128 word = value.number;
  if (type.kind == TypeKind::kFloat) {
    const Value real = to_float(value);
    if (real.is_missing()) return std::nullopt;
    return word_of(real.real);
  }
  if (type.kind == TypeKind::kInt || type.kind == TypeKind::kDecimal) {
    const int scale = type.kind == TypeKind::kDecimal ? type.scale : 0;
    Int128 divisor = value.kind == ValueKind::kFraction ? value.denominator : 1;
    if (value.kind == ValueKind::kDecimal) divisor = power_of_ten(value.scale);
    if (__builtin_mul_overflow(word, Int128{power_of_ten(scale)}, &word)) return std::nullopt;
    if (word % divisor != 0) return std::nullopt;
    word /= divisor;
  }
  if (word < std::numeric_limits<std::int64_t>::min() ||
      word > std::numeric_limits<std::int64_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(word);
}

void write_word(std::int64_t word, char* to) {
  const std::uint64_t bits = static_cast<std::uint64_t>(word) ^ kSign;
  for (std::size_t i = 0; i < kWordBytes; ++i) {
    to[i] = static_cast<char>(bits >> (8 * (kWordBytes - 1 - i)) & 0xff);
  }
}

std::vector<Entry> declared_entries(const List& list) {
  std::vector<Entry> entries;
  entries.reserve(list.values.size());
  for (const OwnedValue& owned : list.values) {
    const Value value = owned.view();
    if (list.kind == ListKind::kNetwork) {
      const auto network = read_network(value.text);
      TOCSIN_ASSERT(network, "validate() has seen to it");
      append_network_key(entries.emplace_back().key, *network);
      continue;
    }
    if (is_text(list.element)) {
      entries.push_back({std::string(value.text)});
      continue;
    }
    const std::optional<std::int64_t> word = word_of(list.element, value);
    if (!word) continue;  // no value of the type
    entries.emplace_back().key.resize(kWordBytes);
    write_word(*word, entries.back().key.data());
  }
  return entries;
}
}  // namespace

ListProgram::ListProgram(const List& list) : list_(&list), entries_(declared_entries(list)) {}

bool ListProgram::contains(const Value& value, EventTime at) const {
  if (list_->kind == ListKind::kNetwork) return is_in(value, at).is_true();
  const Type& type = list_->element;
  if (is_text(type)) return entries_.contains(value.text, at);
  const bool is_rounded = value.kind == ValueKind::kFloat && type.kind != TypeKind::kFloat;
  if (is_rounded && is_number(value.kind)) {  // compared as floats: several elements may be equal
    bool found = false;
    entries_.walk(std::nullopt, [&](const EntrySet::Seen& seen) {
      found = at < seen.until && compare(value, plain_value_of(seen.key)) == Ordering::kEqual;
      return !found;
    });
    return found;
  }
  const std::optional<std::int64_t> word = word_of(type, value);
  if (!word) return false;
  char key[kWordBytes];
  write_word(*word, key);
  return entries_.contains({key, kWordBytes}, at);
}

Value ListProgram::is_in(const Value& value, EventTime at) const {
  if (list_->kind != ListKind::kNetwork) return Value::boolean(contains(value, at));
  const std::optional<IpAddress> address = parse_ip_address(value.text);
  if (!address) return Value::missing();
  return Value::boolean(find_network(
      entries_, {}, *address, [&](std::string_view key) { return entries_.contains(key, at); }));
}

std::string type_name(const List& list) {
  return list.kind == ListKind::kValues ? type_name(list.element)
                                        : name_of(kListKindNames, list.kind);
}

std::optional<std::string> ListProgram::key_of(const Value& value) const {
  if (list_->kind == ListKind::kNetwork) {
    const auto network = read_network(value.text);
    if (!network) return std::nullopt;
    std::string key;
    append_network_key(key, *network);
    return key;
  }
  if (is_text(list_->element)) return std::string(value.text);
  const std::optional<std::int64_t> word = word_of(list_->element, value);
  if (!word) return std::nullopt;
  std::string key(kWordBytes, '\0');
  write_word(*word, key.data());
  return key;
}

OwnedValue ListProgram::value_of(std::string_view key) const {
  if (list_->kind == ListKind::kNetwork) {
    return OwnedValue(Value::string(network_text(network_of_key(key))));
  }
  return OwnedValue(plain_value_of(key));
}

Value ListProgram::plain_value_of(std::string_view key) const {
  const Type& type = list_->element;
  if (is_text(type)) return Value::string(key);
  TOCSIN_ASSERT(key.size() == kWordBytes, "keys are made by key_of()");
  std::uint64_t bits = 0;
  for (const char byte : key) bits = bits << 8 | static_cast<unsigned char>(byte);
  const auto word = static_cast<std::int64_t>(bits ^ kSign);
  switch (type.kind) {
    case TypeKind::kBool:
      return Value::boolean(word != 0);
    case TypeKind::kDecimal:
      return Value::decimal(word, type.scale);
    case TypeKind::kFloat:
      return Value::floating(double_of(word));
    case TypeKind::kTime:
      return Value::time({word});
    case TypeKind::kDate:
      return Value::date(word);
    case TypeKind::kDuration:
      return Value::duration({word});
    default:
      return Value::integer(word);
  }
}
}  // namespace tocsin::cep
