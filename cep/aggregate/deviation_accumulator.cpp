// stddev and stddev_pop.
#include <bit>

#include "cep/aggregate/accumulator_base.h"
#include "cep/aggregate/exact_sum.h"
#include "cep/plan/feature.h"

namespace tocsin::cep {
namespace {
class Moments : public ValueAccumulator {
 public:
  Moments(const WindowSpec& spec, WindowMemory& memory)
      : ValueAccumulator(spec, memory), sum_(memory.memory), squares_(memory.memory) {}
  std::size_t object_bytes() const override { return sizeof(*this); }
  void add(std::uint64_t, EventTime, Word word) override { change(word, 1); }
  bool remove(std::uint64_t, Word word, std::uint64_t) override {
    change(word, -1);
    return true;
  }
  void add_pane(std::uint64_t, const Accumulator& pane) override {
    sum_.add(static_cast<const Moments&>(pane).sum_, 1);
    squares_.add(static_cast<const Moments&>(pane).squares_, 1);
  }
  bool remove_pane(std::uint64_t, const Accumulator& pane, std::uint64_t) override {
    sum_.add(static_cast<const Moments&>(pane).sum_, -1);
    squares_.add(static_cast<const Moments&>(pane).squares_, -1);
    return true;
  }
  void clear() override {
    sum_.clear();
    squares_.clear();
  }
  void save(WordWriter& to) const override {
    save_sum(to.bytes(), sum_);
    save_sum(to.bytes(), squares_);
  }
  bool restore(WordReader& from, std::uint64_t count) override {
    return restore_sum(from.bytes(), sum_) && restore_sum(from.bytes(), squares_) &&
           are_moments(sum_, squares_, count);
  }
  Value value(std::uint64_t count) const override {
    const bool sample = spec_.feature->aggregate == Aggregate::kStddev;
    if (sample && count < 2) return Value::missing();
    const bool is_real = spec_.value_type.kind == TypeKind::kFloat;
    return Value::floating(standard_deviation(
        sum_, squares_, count, sample, is_real ? kRealUnit : 0,
        spec_.value_type.kind == TypeKind::kDecimal ? spec_.value_type.scale : 0));
  }

 private:
  void change(Word word, int sign) {
    if (spec_.value_type.kind == TypeKind::kFloat) {
      add_real(sum_, std::bit_cast<double>(word), sign);
      add_real_square(squares_, std::bit_cast<double>(word), sign);
    } else {
      add_number(sum_, word, sign);
      add_number_square(squares_, word, sign);
    }
  }
  ExactSum sum_;
  ExactSum squares_;
};
}  // namespace

template <>
InMemory<Accumulator> accumulator_of<Aggregate::kStddev>(const WindowSpec& spec,
                                                         WindowMemory& memory, AccumulatorUse) {
  return make_value_accumulator<Moments>(spec, memory);
}

template <>
InMemory<Accumulator> accumulator_of<Aggregate::kStddevPop>(const WindowSpec& spec,
                                                            WindowMemory& memory, AccumulatorUse) {
  return make_value_accumulator<Moments>(spec, memory);
}
}  // namespace tocsin::cep
