// sum and avg.
#include <bit>

#include "cep/aggregate/accumulator_base.h"
#include "cep/aggregate/exact_sum.h"
#include "cep/plan/feature.h"

namespace tocsin::cep {
namespace {
// Of ints, decimals and durations.
class NumberSum : public ValueAccumulator {
 public:
  using ValueAccumulator::ValueAccumulator;
  std::size_t object_bytes() const override { return sizeof(*this); }
  void add(std::uint64_t, EventTime, Word word) override { sum_ += word; }
  bool remove(std::uint64_t, Word word, std::uint64_t) override {
    sum_ -= word;
    return true;
  }
  void add_pane(std::uint64_t, const Accumulator& pane) override {
    sum_ += static_cast<const NumberSum&>(pane).sum_;
  }
  bool remove_pane(std::uint64_t, const Accumulator& pane, std::uint64_t) override {
    sum_ -= static_cast<const NumberSum&>(pane).sum_;
    return true;
  }
  void clear() override { sum_ = 0; }
  void save(WordWriter& to) const override { save_number(to.bytes(), sum_); }
  bool restore(WordReader& from, std::uint64_t count) override {
    sum_ = restore_number(from.bytes());
    const Int128 most = (Int128{1} << 63) * static_cast<Int128>(count);
    return from.bytes().ok() && sum_ >= -most && sum_ <= most;
  }
  Value value(std::uint64_t count) const override { return value_of_sum(spec_, sum_, count); }

 private:
  Int128 sum_ = 0;
};

// Of floats.
class RealSum : public ValueAccumulator {
 public:
  RealSum(const WindowSpec& spec, WindowMemory& memory)
      : ValueAccumulator(spec, memory), sum_(memory.memory) {}
  std::size_t object_bytes() const override { return sizeof(*this); }
  void add(std::uint64_t, EventTime, Word word) override {
    add_real(sum_, std::bit_cast<double>(word), 1);
  }
  bool remove(std::uint64_t, Word word, std::uint64_t) override {
    add_real(sum_, std::bit_cast<double>(word), -1);
    return true;
  }
  void add_pane(std::uint64_t, const Accumulator& pane) override {
    sum_.add(static_cast<const RealSum&>(pane).sum_, 1);
  }
  bool remove_pane(std::uint64_t, const Accumulator& pane, std::uint64_t) override {
    sum_.add(static_cast<const RealSum&>(pane).sum_, -1);
    return true;
  }
  void clear() override { sum_.clear(); }
  void save(WordWriter& to) const override { save_sum(to.bytes(), sum_); }
  bool restore(WordReader& from, std::uint64_t) override { return restore_sum(from.bytes(), sum_); }
  Value value(std::uint64_t count) const override {
    const Value sum = Value::floating(nearest_real(sum_));
    if (spec_.feature->aggregate == Aggregate::kSum) return sum;
    return divide(sum, Value::integer(static_cast<Int128>(count)));
  }

 private:
  ExactSum sum_;
};

InMemory<Accumulator> make_sum(const WindowSpec& spec, WindowMemory& memory) {
  if (spec.value_type.kind == TypeKind::kFloat) {
    return make_value_accumulator<RealSum>(spec, memory);
  }
  return make_value_accumulator<NumberSum>(spec, memory);
}
}  // namespace

template <>
InMemory<Accumulator> accumulator_of<Aggregate::kSum>(const WindowSpec& spec, WindowMemory& memory,
                                                      AccumulatorUse) {
  return make_sum(spec, memory);
}

template <>
InMemory<Accumulator> accumulator_of<Aggregate::kAvg>(const WindowSpec& spec, WindowMemory& memory,
                                                      AccumulatorUse) {
  return make_sum(spec, memory);
}
}  // namespace tocsin::cep
