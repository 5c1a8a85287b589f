// entropy.
#include "cep/aggregate/entropy.h"
#include "cep/aggregate/value_counts.h"

namespace tocsin::cep {
namespace {
class Entropy : public ValueCounts {
 public:
  using ValueCounts::ValueCounts;
  std::size_t object_bytes() const override { return sizeof(*this); }
  void clear() override {
    sum_ = {};
    ValueCounts::clear();
  }
  Value value(std::uint64_t) const override { return Value::floating(sum_.bits(total())); }

 protected:
  void changed(Word, std::uint64_t before, std::uint64_t after) override {
    sum_.change(before, after);
  }

 private:
  EntropySum sum_;
};
}  // namespace

template <>
InMemory<Accumulator> accumulator_of<Aggregate::kEntropy>(const WindowSpec& spec,
                                                          WindowMemory& memory,
                                                          AccumulatorUse use) {
  if (use == AccumulatorUse::kPane) return make_value_accumulator<ValueCounts>(spec, memory, use);
  return make_value_accumulator<Entropy>(spec, memory, use);
}
}  // namespace tocsin::cep
