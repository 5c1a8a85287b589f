// percentile.
#include <algorithm>
#include <bit>
#include <cmath>
#include <memory_resource>
#include <vector>

#include "cep/aggregate/accumulator_base.h"
#include "cep/aggregate/quantile.h"
#include "cep/plan/feature.h"

namespace tocsin::cep {
namespace {
// Up to kExactValuesMax values from their sorted list, beyond that from a sketch. Both are kept
// where the number lies between kSketchFrom and kSortedUpTo, so that a window whose number wavers
// is not made afresh again and again; which of them answers is a question of the number alone.
class Percentile : public ValueAccumulator {
 public:
  Percentile(const WindowSpec& spec, WindowMemory& memory, AccumulatorUse use)
      : ValueAccumulator(spec, memory),
        removes_(use == AccumulatorUse::kSlides || use == AccumulatorUse::kPanes),
        sorted_(memory.memory),
        sketch_(memory.memory) {}
  std::size_t object_bytes() const override { return sizeof(*this); }
  void add(std::uint64_t, EventTime, Word word) override {
    ++count_;
    if (has_sorted_) {
      sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), word, Less{spec_}), word);
    }
    if (has_sketch_) sketch_.add(real(word));
    settle();
  }
  bool remove(std::uint64_t, Word word, std::uint64_t) override {
    --count_;
    if (has_sorted_) {
      sorted_.erase(std::lower_bound(sorted_.begin(), sorted_.end(), word, Less{spec_}));
    }
    if (has_sketch_) sketch_.remove(real(word));
    return after_removal();
  }
  void add_pane(std::uint64_t, const Accumulator& other) override {
    const auto& pane = static_cast<const Percentile&>(other);
    if (pane.has_sorted_) {
      for (const Word word : pane.sorted_) add(0, {}, word);
      return;
    }
    if (!has_sketch_) make_sketch();
    drop_sorted();
    sketch_.add(pane.sketch_);
    count_ += pane.count_;
  }
  bool remove_pane(std::uint64_t, const Accumulator& other, std::uint64_t) override {
    const auto& pane = static_cast<const Percentile&>(other);
    if (pane.has_sorted_) {
      bool kept = true;
      for (const Word word : pane.sorted_) kept = remove(0, word, 0) && kept;
      return kept;
    }
    if (!has_sketch_) make_sketch();
    drop_sorted();
    sketch_.remove(pane.sketch_);
    count_ -= pane.count_;
    return after_removal();
  }
  void clear() override {
    std::pmr::vector<Word>(sorted_.get_allocator()).swap(sorted_);
    sketch_.clear();
    has_sorted_ = true;
    has_sketch_ = false;
    count_ = 0;
  }
  void save(WordWriter& to) const override {
    if (count_ > kExactValuesMax) {
      sketch_.save(to.bytes());
    } else {
      for (const Word word : sorted_) to.word(word);
    }
  }
  bool restore(WordReader& from, std::uint64_t count) override {
    count_ = count;
    if (count > kExactValuesMax) {
      has_sorted_ = false;
      has_sketch_ = true;
      return sketch_.restore(from.bytes(), count);
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      Word word = 0;
      if (!from.word(word) || (i > 0 && Less{spec_}(word, sorted_.back()))) return false;
      sorted_.push_back(word);
    }
    return true;
  }
  Value value(std::uint64_t) const override {
    const std::uint64_t rank = nearest_rank(spec_.feature->percentile, count_);
    if (count_ <= kExactValuesMax) {
      return value_of(sorted_[rank - 1], spec_, memory_);
    }
    return from_real(sketch_.value_at(rank));
  }

 private:
  static constexpr std::uint64_t kSketchFrom = kExactValuesMax / 2;
  static constexpr std::uint64_t kSortedUpTo = 2 * kExactValuesMax;
  struct Less {
    const WindowSpec& spec;
    bool operator()(Word a, Word b) const {
      if (spec.value_type.kind != TypeKind::kFloat) return a < b;
      return std::bit_cast<double>(a) < std::bit_cast<double>(b);
    }
  };
  // In units of the mantissa: the relative error is the same.
  double real(Word word) const {
    return spec_.value_type.kind == TypeKind::kFloat ? std::bit_cast<double>(word)
                                                     : static_cast<double>(word);
  }
  Value from_real(double real) const {
    if (spec_.value_type.kind == TypeKind::kFloat) return Value::floating(real);
    constexpr double kLimit = 9223372036854774784.0;  // the greatest float below 2^63
    const double bounded = std::clamp(std::nearbyint(real), -kLimit, kLimit);
    return value_of(static_cast<Word>(bounded), spec_, memory_);
  }
  void make_sketch() {
    for (const Word word : sorted_) sketch_.add(real(word));
    has_sketch_ = true;
  }
  void drop_sorted() {
    std::pmr::vector<Word>(sorted_.get_allocator()).swap(sorted_);
    has_sorted_ = false;
  }
  void settle() {
    if (count_ <= kExactValuesMax) return;
    if (!has_sketch_) make_sketch();
    if (has_sorted_ && (!removes_ || count_ > kSortedUpTo)) drop_sorted();
  }
  bool after_removal() {
    if (!has_sorted_ && count_ <= kExactValuesMax) return false;
    if (has_sketch_ && count_ < kSketchFrom) {
      sketch_.clear();
      has_sketch_ = false;
    }
    return true;
  }

  const bool removes_;
  bool has_sorted_ = true;
  bool has_sketch_ = false;
  std::uint64_t count_ = 0;
  std::pmr::vector<Word> sorted_;
  QuantileSketch sketch_;
};
}  // namespace

template <>
InMemory<Accumulator> accumulator_of<Aggregate::kPercentile>(const WindowSpec& spec,
                                                             WindowMemory& memory,
                                                             AccumulatorUse use) {
  return make_value_accumulator<Percentile>(spec, memory, use);
}
}  // namespace tocsin::cep
