// distinct.
#include <algorithm>
#include <optional>

#include "cep/aggregate/accumulator_base.h"
#include "cep/aggregate/counted_words.h"
#include "cep/aggregate/distinct_sketch.h"
#include "cep/aggregate/quantile.h"

namespace tocsin::cep {
namespace {
// Of a window that slides or has panes: every value with the times it is there. Exact.
class DistinctCounts : public ValueAccumulator {
 public:
  DistinctCounts(const WindowSpec& spec, WindowMemory& memory)
      : ValueAccumulator(spec, memory), words_(memory.memory, memory.seed) {}
  ~DistinctCounts() override { DistinctCounts::clear(); }
  std::size_t object_bytes() const override { return sizeof(*this); }
  void add(std::uint64_t, EventTime, Word word) override {
    if (words_.add(word)) hold_word(word, spec_, memory_);
  }
  bool remove(std::uint64_t, Word word, std::uint64_t) override {
    if (words_.remove(word)) drop_word(word, spec_, memory_);
    return true;
  }
  void clear() override {
    words_.for_each([&](Word word) { drop_word(word, spec_, memory_); });
    words_.clear();
  }
  Value value(std::uint64_t) const override {
    return Value::integer(static_cast<Int128>(words_.count()));
  }
  void save(WordWriter& to) const override { to.set(words_); }
  bool restore(WordReader& from, std::uint64_t count) override {
    return from.set(words_, count) && words_.count() > 0;
  }
  bool contains(Word word) const { return words_.contains(word); }
  std::uint64_t words_kept() const override { return words_.count(); }
  const CountedWords& words() const { return words_; }

 private:
  CountedWords words_;
};
// Of the total of panes: in how many panes each value is.
class DistinctPanes : public DistinctCounts {
 public:
  using DistinctCounts::DistinctCounts;
  std::size_t object_bytes() const override { return sizeof(*this); }
  void add_pane(std::uint64_t place, const Accumulator& pane) override {
    static_cast<const DistinctCounts&>(pane).words().for_each(
        [&](Word word) { add(place, {}, word); });
  }
  bool remove_pane(std::uint64_t place, const Accumulator& pane, std::uint64_t) override {
    static_cast<const DistinctCounts&>(pane).words().for_each(
        [&](Word word) { remove(place, word, 0); });
    return true;
  }
};
// Of a window that grows: exact up to kExactValuesMax values, a sketch beyond.
class DistinctGrowing : public ValueAccumulator {
 public:
  DistinctGrowing(const WindowSpec& spec, WindowMemory& memory)
      : ValueAccumulator(spec, memory), words_(memory.memory, memory.seed) {}
  ~DistinctGrowing() override { DistinctGrowing::clear(); }
  std::size_t object_bytes() const override { return sizeof(*this); }
  void add(std::uint64_t, EventTime, Word word) override {
    if (!sketch_) {
      if (words_.contains(word)) return;
      if (words_.count() < kExactValuesMax) {
        words_.add(word);
        hold_word(word, spec_, memory_);
        return;
      }
      sketch_.emplace(memory_.memory);
      words_.for_each([&](Word known) {
        sketch_->add(hash(known));
        drop_word(known, spec_, memory_);
      });
      words_.clear();
    }
    sketch_->add(hash(word));
  }
  void clear() override {
    words_.for_each([&](Word word) { drop_word(word, spec_, memory_); });
    words_.clear();
    sketch_.reset();
  }
  void save(WordWriter& to) const override {
    to.bytes().u8(sketch_ ? 1 : 0);
    if (sketch_) {
      sketch_->save(to.bytes());
    } else {
      to.set(words_);
    }
  }
  bool restore(WordReader& from, std::uint64_t count) override {
    if (from.bytes().varint_up_to(1) == 0) {
      return from.set(words_, std::min(count, kExactValuesMax)) && words_.count() > 0;
    }
    sketch_.emplace(memory_.memory);
    return count > kExactValuesMax && sketch_->restore(from.bytes());
  }
  Value value(std::uint64_t) const override {
    return Value::integer(static_cast<Int128>(sketch_ ? sketch_->estimate() : words_.count()));
  }

 private:
  std::uint64_t hash(Word word) const {
    if (!spec_.is_text) return sketch_hash(word);
    return sketch_hash(memory_.texts.text(static_cast<std::uint32_t>(word)));
  }
  CountedWords words_;
  std::optional<DistinctSketch> sketch_;
};
}  // namespace

template <>
InMemory<Accumulator> accumulator_of<Aggregate::kDistinct>(const WindowSpec& spec,
                                                           WindowMemory& memory,
                                                           AccumulatorUse use) {
  switch (use) {
    case AccumulatorUse::kGrows:
      return make_value_accumulator<DistinctGrowing>(spec, memory);
    case AccumulatorUse::kPanes:
      return make_value_accumulator<DistinctPanes>(spec, memory);
    case AccumulatorUse::kSlides:
    case AccumulatorUse::kPane:
      break;
  }
  return make_value_accumulator<DistinctCounts>(spec, memory);
}
}  // namespace tocsin::cep
