// ewma.
#include <bit>

#include "cep/aggregate/accumulator_base.h"
#include "cep/aggregate/ewma.h"
#include "cep/plan/feature.h"

namespace tocsin::cep {
namespace {
class MovingAverage : public ValueAccumulator {
 public:
  using ValueAccumulator::ValueAccumulator;
  std::size_t object_bytes() const override { return sizeof(*this); }
  void add(std::uint64_t, EventTime time, Word word) override {
    average_ =
        known_ ? ewma_after(average_, newest_, time, word, spec_) : real_of_word(word, spec_);
    known_ = true;
    newest_ = time;
  }
  // The average of what is left begins with another value: it is made afresh.
  bool remove(std::uint64_t, Word, std::uint64_t) override { return false; }
  void clear() override { known_ = false; }
  void save(WordWriter& to) const override {
    to.bytes().u64(std::bit_cast<std::uint64_t>(average_));
    save_time(to.bytes(), newest_);
  }
  bool restore(WordReader& from, std::uint64_t) override {
    average_ = std::bit_cast<double>(from.bytes().u64());
    known_ = true;
    return restore_time(from.bytes(), newest_);
  }
  Value value(std::uint64_t) const override { return Value::floating(average_); }

 private:
  double average_ = 0;
  EventTime newest_;
  bool known_ = false;
};
}  // namespace

template <>
InMemory<Accumulator> accumulator_of<Aggregate::kEwma>(const WindowSpec& spec, WindowMemory& memory,
                                                       AccumulatorUse) {
  return make_value_accumulator<MovingAverage>(spec, memory);
}
}  // namespace tocsin::cep
