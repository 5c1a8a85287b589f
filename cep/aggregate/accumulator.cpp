#include "cep/aggregate/accumulator.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "cep/aggregate/counted_words.h"
#include "cep/aggregate/distinct_sketch.h"
#include "cep/aggregate/ewma.h"
#include "cep/aggregate/exact_sum.h"
#include "cep/aggregate/quantile.h"
#include "cep/aggregate/window_bytes.h"
#include "cep/base/assert.h"
#include "cep/value/word_value.h"

namespace tocsin::cep {
namespace {
// The exact accumulators' numbers: floats are words by their bits.
double real_of_word(Word word, const WindowSpec& spec) {
  switch (spec.value_type.kind) {
    case TypeKind::kFloat:
      return std::bit_cast<double>(word);
    case TypeKind::kDecimal:
      return to_float(Value::decimal(word, spec.value_type.scale)).real;
    default:
      return static_cast<double>(word);
  }
}
Ordering order_of_words(Word a, Word b, const WindowSpec& spec, const WindowMemory& memory) {
  if (spec.value_type.kind != TypeKind::kString && spec.value_type.kind != TypeKind::kFloat) {
    return a < b ? Ordering::kLess : a > b ? Ordering::kGreater : Ordering::kEqual;
  }
  return compare(value_of(a, spec, memory), value_of(b, spec, memory));
}

class Scoped : public Accumulator {
 public:
  Scoped(const WindowSpec& spec, WindowMemory& memory) : spec_(spec), memory_(memory) {}

 protected:
  const WindowSpec& spec_;
  WindowMemory& memory_;
};

// ---- sum, avg of ints, decimals and durations
class NumberSum : public Scoped {
 public:
  using Scoped::Scoped;
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
  Value value(std::uint64_t count) const override {
    const bool is_sum = spec_.feature->aggregate == Aggregate::kSum;
    if (spec_.value_type.kind == TypeKind::kDuration) {
      if (is_sum) return duration(sum_);
      const auto mean = divide_half_even(sum_, static_cast<Int128>(count), 0);
      return mean ? duration(*mean) : Value::missing();
    }
    const Value sum = spec_.value_type.kind == TypeKind::kDecimal
                          ? Value::decimal(sum_, spec_.value_type.scale)
                          : Value::integer(sum_);
    return is_sum ? sum : divide(sum, Value::integer(static_cast<Int128>(count)));
  }

 private:
  static Value duration(Int128 us) {
    if (us < std::numeric_limits<std::int64_t>::min() ||
        us > std::numeric_limits<std::int64_t>::max()) {
      return Value::missing();
    }
    return Value::duration({static_cast<std::int64_t>(us)});
  }
  Int128 sum_ = 0;
};

// ---- sum and avg of floats
class RealSum : public Scoped {
 public:
  RealSum(const WindowSpec& spec, WindowMemory& memory)
      : Scoped(spec, memory), sum_(memory.memory) {}
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

// ---- stddev, stddev_pop
class Moments : public Scoped {
 public:
  Moments(const WindowSpec& spec, WindowMemory& memory)
      : Scoped(spec, memory), sum_(memory.memory), squares_(memory.memory) {}
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

// ---- min, max of a window that grows; first, last
class OneWord : public Scoped {
 public:
  using Scoped::Scoped;
  ~OneWord() override { OneWord::clear(); }
  std::size_t object_bytes() const override { return sizeof(*this); }
  void add(std::uint64_t, EventTime, Word word) override {
    if (known_ && !replaces(word)) return;
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
  bool replaces(Word word) const {
    switch (spec_.feature->aggregate) {
      case Aggregate::kMin:
        return order_of_words(word, word_, spec_, memory_) == Ordering::kLess;
      case Aggregate::kMax:
        return order_of_words(word, word_, spec_, memory_) == Ordering::kGreater;
      default:
        return spec_.feature->aggregate == Aggregate::kLast;
    }
  }
  Word word_ = 0;
  bool known_ = false;
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

// ---- min, max of a window that slides: of the values that none after them beats, in order; the
// first is the answer (a monotonic queue).
class ExtremeQueue : public Scoped {
 public:
  ExtremeQueue(const WindowSpec& spec, WindowMemory& memory)
      : Scoped(spec, memory), queue_(memory.memory) {}
  ~ExtremeQueue() override { ExtremeQueue::clear(); }
  std::size_t object_bytes() const override { return sizeof(*this); }
  void add(std::uint64_t place, EventTime, Word word) override {
    const Ordering beaten =
        spec_.feature->aggregate == Aggregate::kMin ? Ordering::kLess : Ordering::kGreater;
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
    const Ordering better =
        spec_.feature->aggregate == Aggregate::kMin ? Ordering::kLess : Ordering::kGreater;
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

// ---- distinct
// Of a window that slides or has panes: every value with the times it is there. Exact.
class DistinctCounts : public Scoped {
 public:
  DistinctCounts(const WindowSpec& spec, WindowMemory& memory)
      : Scoped(spec, memory), words_(memory.memory, memory.seed) {}
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
class DistinctGrowing : public Scoped {
 public:
  DistinctGrowing(const WindowSpec& spec, WindowMemory& memory)
      : Scoped(spec, memory), words_(memory.memory, memory.seed) {}
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

// ---- percentile
// Up to kExactValuesMax values from their sorted list, beyond that from a sketch. Both are kept
// where the number lies between kSketchFrom and kSortedUpTo, so that a window whose number wavers
// is not made afresh again and again; which of them answers is a question of the number alone.
class Percentile : public Scoped {
 public:
  Percentile(const WindowSpec& spec, WindowMemory& memory, AccumulatorUse use)
      : Scoped(spec, memory),
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

// ---- ewma
class MovingAverage : public Scoped {
 public:
  using Scoped::Scoped;
  std::size_t object_bytes() const override { return sizeof(*this); }
  void add(std::uint64_t, EventTime time, Word word) override {
    const double value = real_of_word(word, spec_);
    if (!known_) {
      average_ = value;
    } else {
      const Feature& feature = *spec_.feature;
      const double weight =
          feature.weight ? *feature.weight : ewma_weight(time - newest_, *feature.half_life);
      average_ = ewma_next(average_, value, weight);
    }
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

bool Accumulator::remove(std::uint64_t, Word, std::uint64_t) {
  TOCSIN_ASSERT(false, "windows that slide have accumulators that do");
}
void Accumulator::add_pane(std::uint64_t, const Accumulator&) {
  TOCSIN_ASSERT(false, "only totals that cannot remove a pane are made afresh");
}
bool Accumulator::is_between(std::uint64_t, std::uint64_t) const {
  TOCSIN_ASSERT(false, "only totals that are saved say of which panes they are");
}
bool Accumulator::remove_pane(std::uint64_t, const Accumulator&, std::uint64_t) {
  TOCSIN_ASSERT(false, "panes have totals that remove them");
}

InMemory<Accumulator> make_accumulator(const WindowSpec& spec, WindowMemory& memory,
                                       AccumulatorUse use) {
  const auto make = [&]<typename T>(std::type_identity<T>, auto&&... more) {
    return InMemory<Accumulator>(make_in_memory<T>(memory.memory, spec, memory, more...));
  };
  const bool is_pane = use == AccumulatorUse::kPane;
  const bool grows = use == AccumulatorUse::kGrows;
  switch (spec.feature->aggregate) {
    case Aggregate::kCount:
      break;
    case Aggregate::kSum:
    case Aggregate::kAvg:
      if (spec.value_type.kind == TypeKind::kFloat) return make(std::type_identity<RealSum>{});
      return make(std::type_identity<NumberSum>{});
    case Aggregate::kStddev:
    case Aggregate::kStddevPop:
      return make(std::type_identity<Moments>{});
    case Aggregate::kMin:
    case Aggregate::kMax:
      if (grows) return make(std::type_identity<OneWord>{});
      if (is_pane) return InMemory<Accumulator>(make_in_memory<NoWord>(memory.memory));
      return make(std::type_identity<ExtremeQueue>{});
    case Aggregate::kFirst:
    case Aggregate::kLast:
      if (grows || is_pane) return make(std::type_identity<OneWord>{});
      break;
    case Aggregate::kDistinct:
      if (grows) return make(std::type_identity<DistinctGrowing>{});
      if (use == AccumulatorUse::kPanes) return make(std::type_identity<DistinctPanes>{});
      return make(std::type_identity<DistinctCounts>{});
    case Aggregate::kPercentile:
      return make(std::type_identity<Percentile>{}, use);
    case Aggregate::kEwma:
      return make(std::type_identity<MovingAverage>{});
  }
  return {nullptr, DestroyInPlace{memory.memory}};
}
}  // namespace tocsin::cep
