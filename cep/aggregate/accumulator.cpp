#include "cep/aggregate/accumulator.h"

#include "cep/aggregate/accumulator_base.h"
#include "cep/base/assert.h"
#include "cep/plan/feature.h"

namespace tocsin::cep {
bool Accumulator::remove(std::uint64_t, Word, std::uint64_t) {
  TOCSIN_ASSERT(false, "windows that slide have accumulators that do");
}
void Accumulator::add_pane(std::uint64_t, const Accumulator&) {
  TOCSIN_ASSERT(false, "only totals that cannot remove a pane are made afresh");
}
bool Accumulator::is_between(std::uint64_t, std::uint64_t) const {
  TOCSIN_ASSERT(false, "only totals that are saved say of which panes they are");
}
bool Accumulator::remove_pane(std::uint64_t, const Accumulator&, std::uint64_t) {
  TOCSIN_ASSERT(false, "panes have totals that remove them");
}

Ordering order_of_words(Word a, Word b, const WindowSpec& spec, const WindowMemory& memory) {
  if (spec.value_type.kind != TypeKind::kString && spec.value_type.kind != TypeKind::kFloat) {
    return a < b ? Ordering::kLess : a > b ? Ordering::kGreater : Ordering::kEqual;
  }
  return compare(value_of(a, spec, memory), value_of(b, spec, memory));
}

InMemory<Accumulator> no_accumulator(WindowMemory& memory) {
  return {nullptr, DestroyInPlace{memory.memory}};
}

template <>
InMemory<Accumulator> accumulator_of<Aggregate::kCount>(const WindowSpec&, WindowMemory& memory,
                                                        AccumulatorUse) {
  return no_accumulator(memory);
}

InMemory<Accumulator> make_accumulator(const WindowSpec& spec, WindowMemory& memory,
                                       AccumulatorUse use) {
  switch (spec.feature->aggregate) {
#define TOCSIN_AGGREGATE(aggregate, ...) \
  case Aggregate::aggregate:             \
    return accumulator_of<Aggregate::aggregate>(spec, memory, use);
#include "cep/plan/aggregates.def"
#undef TOCSIN_AGGREGATE
  }
  TOCSIN_ASSERT(false, "the registry has every aggregate");
}
}  // namespace tocsin::cep
