// min and max.
#include <algorithm>
#include <memory_resource>
#include <vector>

#include "cep/aggregate/accumulator_base.h"
#include "cep/plan/feature.h"

namespace tocsin::cep {
namespace {
// How a value that replaces another compares to it.
Ordering preferred(const WindowSpec& spec) {
  return spec.feature->aggregate == Aggregate::kMin ? Ordering::kLess : Ordering::kGreater;
}
// Of a window that grows.
struct IsBetter {
  bool operator()(Word word, Word known, const WindowSpec& spec, const WindowMemory& memory) const {
    return order_of_words(word, known, spec, memory) == preferred(spec);
  }
};

// A pane of which only the number of its events matters.
class NoWord : public Accumulator {
 public:
  std::size_t object_bytes() const override { return sizeof(*this); }
  void add(std::uint64_t, EventTime, Word) override {}
  void clear() override {}
  void save(WordWriter&) const override {}
  bool restore(WordReader&, std::uint64_t) override { return true; }
  Value value(std::uint64_t) const override { return Value::missing(); }
};

// Of a window that slides or has panes: of the values that none after them beats, in order; the
// first is the answer (a monotonic queue).
class ExtremeQueue : public ValueAccumulator {
 public:
  ExtremeQueue(const WindowSpec& spec, WindowMemory& memory)
      : ValueAccumulator(spec, memory), queue_(memory.memory) {}
  ~ExtremeQueue() override { ExtremeQueue::clear(); }
  std::size_t object_bytes() const override { return sizeof(*this); }
  void add(std::uint64_t place, EventTime, Word word) override {
    const Ordering beaten = preferred(spec_);
    hold_word(word, spec_, memory_);
    while (queue_.size() > begin_) {
      const Ordering order = order_of_words(word, queue_.back().word, spec_, memory_);
      if (order != beaten && order != Ordering::kEqual) break;
      drop_word(queue_.back().word, spec_, memory_);
      queue_.pop_back();
    }
    if (queue_.size() > begin_ && queue_.back().place == place) {
      drop_word(word, spec_, memory_);  // its own pane's better value lives as long
      return;
    }
    queue_.push_back({place, word});
  }
  bool remove(std::uint64_t place, Word, std::uint64_t) override {
    expire(place);
    return true;
  }
  bool remove_pane(std::uint64_t place, const Accumulator&, std::uint64_t) override {
    expire(place);
    return true;
  }
  void clear() override {
    for (std::size_t i = begin_; i < queue_.size(); ++i) {
      drop_word(queue_[i].word, spec_, memory_);
    }
    queue_.clear();
    begin_ = 0;
  }
  // What left with earlier panes than its own is not in them any more.
  bool is_saved() const override { return true; }
  void save(WordWriter& to) const override {
    to.bytes().varint(queue_.size() - begin_);
    for (std::size_t i = begin_; i < queue_.size(); ++i) {
      to.bytes().u64(queue_[i].place);
      to.word(queue_[i].word);
    }
  }
  bool restore(WordReader& from, std::uint64_t) override {
    const std::uint64_t count = from.bytes().varint_up_to(from.bytes().left());
    for (std::uint64_t i = 0; i < count; ++i) {
      Entry entry;
      entry.place = from.bytes().u64();
      if (!from.word(entry.word)) return false;
      queue_.push_back(entry);
      if (i > 0 && !follows(queue_[i - 1], entry)) return false;
    }
    return from.bytes().ok() && count > 0;
  }
  bool is_between(std::uint64_t oldest, std::uint64_t newest) const override {
    return queue_[begin_].place >= oldest && queue_.back().place == newest;
  }
  Value value(std::uint64_t) const override {
    return value_of(queue_[begin_].word, spec_, memory_);
  }

 private:
  struct Entry {
    std::uint64_t place = 0;
    Word word = 0;
  };
  bool follows(const Entry& before, const Entry& entry) const {
    const Ordering better = preferred(spec_);
    return entry.place > before.place &&
           order_of_words(before.word, entry.word, spec_, memory_) == better;
  }
  void expire(std::uint64_t place) {
    while (begin_ < queue_.size() && queue_[begin_].place <= place) {
      drop_word(queue_[begin_].word, spec_, memory_);
      ++begin_;
    }
    if (begin_ == queue_.size()) {
      clear();
    } else if (begin_ > 16 && begin_ * 2 > queue_.size()) {
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(begin_));
      begin_ = 0;
      if (queue_.capacity() > 8 * queue_.size()) queue_.shrink_to_fit();
    }
  }
  std::pmr::vector<Entry> queue_;  // from begin_ on
  std::size_t begin_ = 0;
};

InMemory<Accumulator> make_extreme(const WindowSpec& spec, WindowMemory& memory,
                                   AccumulatorUse use) {
  switch (use) {
    case AccumulatorUse::kGrows:
      return make_value_accumulator<OneWord<IsBetter>>(spec, memory, IsBetter{});
    case AccumulatorUse::kPane:
      return InMemory<Accumulator>(make_in_memory<NoWord>(memory.memory));
    case AccumulatorUse::kSlides:
    case AccumulatorUse::kPanes:
      break;
  }
  return make_value_accumulator<ExtremeQueue>(spec, memory);
}
}  // namespace

template <>
InMemory<Accumulator> accumulator_of<Aggregate::kMin>(const WindowSpec& spec, WindowMemory& memory,
                                                      AccumulatorUse use) {
  return make_extreme(spec, memory, use);
}

template <>
InMemory<Accumulator> accumulator_of<Aggregate::kMax>(const WindowSpec& spec, WindowMemory& memory,
                                                      AccumulatorUse use) {
  return make_extreme(spec, memory, use);
}
}  // namespace tocsin::cep
