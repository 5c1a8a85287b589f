/// How often each value is in a window: what aggregates of frequencies are told from. Exact; a
/// window that only grows counts at most WindowSpec::events_max different values, and loses the
/// events of further ones.
#pragma once
#include <cstdint>

#include "cep/aggregate/accumulator_base.h"
#include "cep/aggregate/counted_words.h"

namespace tocsin::cep {
/// By itself it serves a pane, whose value is never read.
class ValueCounts : public ValueAccumulator {
 public:
  ValueCounts(const WindowSpec& spec, WindowMemory& memory, AccumulatorUse use)
      : ValueAccumulator(spec, memory),
        is_bounded_(use == AccumulatorUse::kGrows),
        words_(memory.memory, memory.seed) {}
  ~ValueCounts() override { drop_words(); }
  std::size_t object_bytes() const override { return sizeof(*this); }
  void add(std::uint64_t, EventTime, Word word) override { add(word, 1); }
  bool remove(std::uint64_t, Word word, std::uint64_t) override {
    remove(word, 1);
    return true;
  }
  void add_pane(std::uint64_t, const Accumulator& pane) override {
    static_cast<const ValueCounts&>(pane).words_.for_each_counted(
        [&](Word word, std::uint64_t times) { add(word, times); });
  }
  bool remove_pane(std::uint64_t, const Accumulator& pane, std::uint64_t) override {
    static_cast<const ValueCounts&>(pane).words_.for_each_counted(
        [&](Word word, std::uint64_t times) { remove(word, times); });
    return true;
  }
  void clear() override {
    drop_words();
    words_.clear();
    total_ = 0;
  }
  Value value(std::uint64_t) const override { return Value::missing(); }
  std::uint64_t words_kept() const override { return words_.count(); }
  void save(WordWriter& to) const override { to.counts(words_); }
  bool restore(WordReader& from, std::uint64_t count) override {
    if (!from.counts(words_, count) || words_.count() == 0) return false;
    words_.for_each_counted([&](Word word, std::uint64_t times) {
      total_ += times;
      changed(word, 0, times);
    });
    return true;
  }

 protected:
  /// How many values are counted.
  std::uint64_t total() const { return total_; }
  /// A word is there `after` times, it was `before` times. It is held during the call.
  virtual void changed(Word, std::uint64_t /*before*/, std::uint64_t /*after*/) {}

 private:
  void add(Word word, std::uint64_t times) {
    const std::uint64_t before = words_.times(word);
    if (before == 0) {
      if (is_bounded_ && words_.count() >= spec_.events_max) {
        ++memory_.events_lost;
        return;
      }
      hold_word(word, spec_, memory_);
    }
    words_.add(word, times);
    total_ += times;
    changed(word, before, before + times);
  }
  void remove(Word word, std::uint64_t times) {
    const std::uint64_t before = words_.times(word);
    changed(word, before, before - times);
    total_ -= times;
    if (words_.remove(word, times)) drop_word(word, spec_, memory_);
  }
  void drop_words() {
    words_.for_each([&](Word word) { drop_word(word, spec_, memory_); });
  }

  const bool is_bounded_;
  std::uint64_t total_ = 0;
  CountedWords words_;
};
}  // namespace tocsin::cep
