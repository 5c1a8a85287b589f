#include "cep/aggregate/accumulator_base.h"

namespace tocsin::cep {
Ordering order_of_words(Word a, Word b, const WindowSpec& spec, const WindowMemory& memory) {
  if (spec.value_type.kind != TypeKind::kString && spec.value_type.kind != TypeKind::kFloat) {
    return a < b ? Ordering::kLess : a > b ? Ordering::kGreater : Ordering::kEqual;
  }
  return compare(value_of(a, spec, memory), value_of(b, spec, memory));
}

InMemory<Accumulator> no_accumulator(WindowMemory& memory) {
  return {nullptr, DestroyInPlace{memory.memory}};
}
}  // namespace tocsin::cep
