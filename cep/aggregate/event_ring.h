/// The times and words of a window's events, the oldest first, in memory that grows and shrinks
/// with them.
#pragma once
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "cep/value/time.h"

namespace tocsin::cep {
class EventRing {
 public:
  /// Without `words` only times are kept; with `passed` also events that are not aggregated.
  EventRing(std::pmr::memory_resource* memory, bool words, bool passed = false)
      : times_(memory), words_(memory), counts_(memory), has_words_(words), has_passed_(passed) {}
  std::uint64_t size() const { return size_; }
  /// The number of the oldest event, counted from the first ever.
  std::uint64_t first() const { return first_; }
  EventTime time(std::uint64_t index) const { return {times_[place(index)]}; }
  std::int64_t word(std::uint64_t index) const { return has_words_ ? words_[place(index)] : 0; }
  /// Whether the event is aggregated; requires `passed` where some are not.
  bool counts(std::uint64_t index) const { return !has_passed_ || counts_[place(index)] != 0; }
  bool has_passed() const { return has_passed_; }
  void push(EventTime time, std::int64_t word, bool counts = true) {
    if (size_ == times_.size()) resize(times_.empty() ? 4 : 2 * times_.size());
    times_[place(size_)] = time.us;
    if (has_words_) words_[place(size_)] = word;
    if (has_passed_) counts_[place(size_)] = counts ? 1 : 0;
    ++size_;
  }
  /// Requires one.
  void pop() {
    head_ = (head_ + 1) & (times_.size() - 1);
    ++first_;
    --size_;
    if (times_.size() > 16 && size_ * 8 < times_.size()) resize(times_.size() / 4);
  }

 private:
  std::size_t place(std::uint64_t index) const { return (head_ + index) & (times_.size() - 1); }
  void resize(std::size_t capacity) {
    std::pmr::vector<std::int64_t> times(capacity, times_.get_allocator());
    std::pmr::vector<std::int64_t> words(has_words_ ? capacity : 0, words_.get_allocator());
    std::pmr::vector<std::uint8_t> counts(has_passed_ ? capacity : 0, counts_.get_allocator());
    for (std::uint64_t i = 0; i < size_; ++i) {
      times[i] = times_[place(i)];
      if (has_words_) words[i] = words_[place(i)];
      if (has_passed_) counts[i] = counts_[place(i)];
    }
    times_.swap(times);
    words_.swap(words);
    counts_.swap(counts);
    head_ = 0;
  }

  std::pmr::vector<std::int64_t> times_;  // a power of two of them, or none
  std::pmr::vector<std::int64_t> words_;
  std::pmr::vector<std::uint8_t> counts_;
  std::size_t head_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t first_ = 0;
  bool has_words_;
  bool has_passed_;
};
}  // namespace tocsin::cep
