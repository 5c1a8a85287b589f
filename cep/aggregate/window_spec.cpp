#include "cep/aggregate/window_spec.h"

#include <bit>
#include <limits>

#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/zone.h"
#include "cep/value/decimal.h"
#include "cep/value/word_value.h"

namespace tocsin::cep {
namespace {
// Aggregates that one word, a sum or an average says, of a window that grows for ever.
bool is_total(const WindowSpec& spec) {
  const WindowKind kind = spec.feature->window.kind();
  if (kind != WindowKind::kEver && kind != WindowKind::kPreviousEver) return false;
  switch (spec.feature->aggregate) {
    case Aggregate::kCount:
    case Aggregate::kFirst:
    case Aggregate::kLast:
    case Aggregate::kMin:
    case Aggregate::kMax:
    case Aggregate::kEwma:
      return true;
    case Aggregate::kSum:
    case Aggregate::kAvg:
      return spec.value_type.kind != TypeKind::kFloat;
    default:
      return false;
  }
}
bool slides_by_event(const FeatureWindow& window) {
  switch (window.kind()) {
    case WindowKind::kLast:
    case WindowKind::kPrevious:
      return !window.every();
    case WindowKind::kLastEvents:
    case WindowKind::kPreviousEvents:
      return true;
    default:
      return false;
  }
}
FlatForm flat_form_of(const WindowSpec& spec) {
  if (is_total(spec)) return FlatForm::kTotal;
  const bool has_events = slides_by_event(spec.feature->window) && spec.events_max > kFlatEventsMax;
  return has_events ? FlatForm::kEvents : FlatForm::kNone;
}

Value duration_of(Int128 us) {
  if (us < std::numeric_limits<std::int64_t>::min() ||
      us > std::numeric_limits<std::int64_t>::max()) {
    return Value::missing();
  }
  return Value::duration({static_cast<std::int64_t>(us)});
}
}  // namespace

WindowSpec make_window_spec(const Plan& plan, const Feature& feature, std::uint64_t events_max) {
  WindowSpec spec;
  spec.feature = &feature;
  spec.zones = &plan.zones;
  spec.has_value = feature.argument != nullptr;
  if (spec.has_value) spec.value_type = feature.argument->type;
  spec.is_text = spec.has_value && spec.value_type.kind == TypeKind::kString;
  spec.takes_all = feature.takes_all();
  spec.events_max = events_max;
  spec.flat = flat_form_of(spec);
  return spec;
}

std::optional<Word> word_of(const Value& value, const WindowSpec& spec, WindowMemory& memory) {
  if (spec.is_text) return memory.texts.hold(value.text);
  if (value.kind == ValueKind::kFloat) return std::bit_cast<Word>(value.real);
  if (value.number < std::numeric_limits<Word>::min() ||
      value.number > std::numeric_limits<Word>::max()) {
    return std::nullopt;
  }
  return static_cast<Word>(value.number);
}

Value value_of(Word word, const WindowSpec& spec, const WindowMemory& memory) {
  if (spec.value_type.kind == TypeKind::kString) {
    return Value::string(memory.texts.text(static_cast<std::uint32_t>(word)));
  }
  return word_value(spec.value_type, word);
}

Value value_of_sum(const WindowSpec& spec, Int128 total, std::uint64_t count) {
  const bool is_sum = spec.feature->aggregate == Aggregate::kSum;
  if (spec.value_type.kind == TypeKind::kDuration) {
    if (is_sum) return duration_of(total);
    const auto mean = divide_half_even(total, static_cast<Int128>(count), 0);
    return mean ? duration_of(*mean) : Value::missing();
  }
  const Value sum = spec.value_type.kind == TypeKind::kDecimal
                        ? Value::decimal(total, spec.value_type.scale)
                        : Value::integer(total);
  return is_sum ? sum : divide(sum, Value::integer(static_cast<Int128>(count)));
}

// Floats are words by their bits.
double real_of_word(Word word, const WindowSpec& spec) {
  switch (spec.value_type.kind) {
    case TypeKind::kFloat:
      return std::bit_cast<double>(word);
    case TypeKind::kDecimal:
      return to_float(Value::decimal(word, spec.value_type.scale)).real;
    default:
      return static_cast<double>(word);
  }
}

Value value_of_nothing(const WindowSpec& spec) {
  const AggregateTraits& traits = traits_of(spec.feature->aggregate);
  if (!traits.zero_over_nothing) return Value::missing();
  if (traits.gives == AggregateResult::kNumberOf) return Value::integer(0);
  switch (spec.value_type.kind) {
    case TypeKind::kDecimal:
      return Value::decimal(0, spec.value_type.scale);
    case TypeKind::kFloat:
      return Value::floating(0);
    case TypeKind::kDuration:
      return Value::duration({0});
    default:
      return Value::integer(0);
  }
}
}  // namespace tocsin::cep
