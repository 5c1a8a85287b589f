/// What the accumulators of the aggregates share. Each file *_accumulator.cpp has those of one
/// aggregate, or of a few that keep the same.
#pragma once
#include <type_traits>

#include "cep/aggregate/accumulator.h"
#include "cep/aggregate/window_bytes.h"
#include "cep/aggregate/window_spec.h"
#include "cep/plan/aggregate.h"

namespace tocsin::cep {
/// An accumulator of a feature's values, which knows the feature and the memory of its window.
class ValueAccumulator : public Accumulator {
 public:
  ValueAccumulator(const WindowSpec& spec, WindowMemory& memory) : spec_(spec), memory_(memory) {}

 protected:
  const WindowSpec& spec_;
  WindowMemory& memory_;
};
template <typename T, typename... Args>
InMemory<Accumulator> make_value_accumulator(const WindowSpec& spec, WindowMemory& memory,
                                             Args&&... args) {
  return InMemory<Accumulator>(
      make_in_memory<T>(memory.memory, spec, memory, std::forward<Args>(args)...));
}
/// Where an aggregate needs none: null.
InMemory<Accumulator> no_accumulator(WindowMemory& memory);
/// The accumulator of one aggregate, for a use. Each is defined in the aggregate's file.
template <Aggregate aggregate>
InMemory<Accumulator> accumulator_of(const WindowSpec& spec, WindowMemory& memory,
                                     AccumulatorUse use);
#define TOCSIN_AGGREGATE(aggregate, ...)                      \
  template <>                                                 \
  InMemory<Accumulator> accumulator_of<Aggregate::aggregate>( \
      const WindowSpec& spec, WindowMemory& memory, AccumulatorUse use);
#include "cep/plan/aggregates.def"
#undef TOCSIN_AGGREGATE
/// Of two words of one type, as values. Texts are compared by their bytes.
Ordering order_of_words(Word a, Word b, const WindowSpec& spec, const WindowMemory& memory);

/// One word, that `Replaces` prefers to all others: a callable of the new word, the word so far,
/// the spec and the memory. For windows that grow, and for panes.
template <typename Replaces>
class OneWord : public ValueAccumulator {
 public:
  OneWord(const WindowSpec& spec, WindowMemory& memory, Replaces replaces)
      : ValueAccumulator(spec, memory), replaces_(replaces) {}
  ~OneWord() override { OneWord::clear(); }
  std::size_t object_bytes() const override { return sizeof(*this); }
  void add(std::uint64_t, EventTime, Word word) override {
    if (known_ && !replaces_(word, word_, spec_, memory_)) return;
    hold_word(word, spec_, memory_);
    clear();
    word_ = word;
    known_ = true;
  }
  void clear() override {
    if (known_) drop_word(word_, spec_, memory_);
    known_ = false;
  }
  void save(WordWriter& to) const override { to.word(word_); }
  bool restore(WordReader& from, std::uint64_t) override {
    known_ = from.word(word_);
    return known_;
  }
  Value value(std::uint64_t) const override { return value_of(word_, spec_, memory_); }

 private:
  Replaces replaces_;
  Word word_ = 0;
  bool known_ = false;
};
}  // namespace tocsin::cep
