#include "cep/aggregate/window_spec.h"

#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/zone.h"
#include "cep/value/word_value.h"

namespace tocsin::cep {
WindowSpec make_window_spec(const Plan& plan, const Feature& feature, std::uint64_t events_max) {
  WindowSpec spec;
  spec.feature = &feature;
  spec.zones = &plan.zones;
  spec.has_value = feature.argument != nullptr;
  if (spec.has_value) spec.value_type = feature.argument->type;
  spec.is_text = spec.has_value && spec.value_type.kind == TypeKind::kString;
  spec.takes_all = feature.takes_all();
  spec.events_max = events_max;
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
