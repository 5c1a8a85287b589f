// mode: the most frequent value; of several the least.
#include <memory_resource>
#include <set>

#include "cep/aggregate/value_counts.h"

namespace tocsin::cep {
namespace {
struct Ranked {
  std::uint64_t times = 0;
  Word word = 0;
};
// The most frequent first.
struct Before {
  const WindowSpec* spec = nullptr;
  const WindowMemory* memory = nullptr;
  bool operator()(const Ranked& a, const Ranked& b) const {
    if (a.times != b.times) return a.times > b.times;
    const Ordering order = order_of_words(a.word, b.word, *spec, *memory);
    // Restored bytes may have -0.0 beside 0.0.
    return order == Ordering::kEqual ? a.word < b.word : order == Ordering::kLess;
  }
};

// Of a window that grows: the first is remembered.
class GrowingMode : public ValueCounts {
 public:
  using ValueCounts::ValueCounts;
  std::size_t object_bytes() const override { return sizeof(*this); }
  void clear() override {
    first_ = {};
    ValueCounts::clear();
  }
  Value value(std::uint64_t) const override { return value_of(first_.word, spec_, memory_); }

 protected:
  void changed(Word word, std::uint64_t, std::uint64_t after) override {
    const Ranked ranked{after, word};
    if (first_.times == 0 || Before{&spec_, &memory_}(ranked, first_)) first_ = ranked;
  }

 private:
  Ranked first_;
};

// Of a window that slides or has panes: all of them in order, so that a change costs the logarithm
// of the number of different values.
class RankedMode : public ValueCounts {
 public:
  RankedMode(const WindowSpec& spec, WindowMemory& memory, AccumulatorUse use)
      : ValueCounts(spec, memory, use), ranked_(Before{&spec_, &memory_}, memory.memory) {}
  std::size_t object_bytes() const override { return sizeof(*this); }
  void clear() override {
    ranked_.clear();
    ValueCounts::clear();
  }
  Value value(std::uint64_t) const override {
    return value_of(ranked_.begin()->word, spec_, memory_);
  }

 protected:
  void changed(Word word, std::uint64_t before, std::uint64_t after) override {
    if (before == 0) {
      ranked_.insert({after, word});
      return;
    }
    auto node = ranked_.extract(Ranked{before, word});
    if (after == 0) return;
    node.value().times = after;
    ranked_.insert(std::move(node));
  }

 private:
  std::pmr::set<Ranked, Before> ranked_;
};
}  // namespace

template <>
InMemory<Accumulator> accumulator_of<Aggregate::kMode>(const WindowSpec& spec, WindowMemory& memory,
                                                       AccumulatorUse use) {
  switch (use) {
    case AccumulatorUse::kGrows:
      return make_value_accumulator<GrowingMode>(spec, memory, use);
    case AccumulatorUse::kPane:
      return make_value_accumulator<ValueCounts>(spec, memory, use);
    case AccumulatorUse::kSlides:
    case AccumulatorUse::kPanes:
      break;
  }
  return make_value_accumulator<RankedMode>(spec, memory, use);
}
}  // namespace tocsin::cep
