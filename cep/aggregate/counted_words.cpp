#include "cep/aggregate/counted_words.h"

#include <utility>

#include "cep/base/assert.h"

namespace tocsin::cep {
std::size_t CountedWords::home(std::int64_t word) const {
  // SplitMix64's last steps.
  std::uint64_t z = static_cast<std::uint64_t>(word) ^ seed_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return static_cast<std::size_t>(z ^ (z >> 31)) & (slots_.size() - 1);
}

void CountedWords::resize(std::size_t slots) {
  std::pmr::vector<Slot> old(slots, slots_.get_allocator());
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.times == 0) continue;
    std::size_t i = home(slot.word);
    while (slots_[i].times != 0) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = slot;
  }
}

bool CountedWords::add(std::int64_t word, std::uint64_t times) {
  if (slots_.empty()) resize(4);
  std::size_t i = home(word);
  for (; slots_[i].times != 0; i = (i + 1) & (slots_.size() - 1)) {
    if (slots_[i].word == word) {
      slots_[i].times += times;
      return false;
    }
  }
  slots_[i] = {word, times};
  if (++count_ * 4 > slots_.size() * 3) resize(slots_.size() * 2);
  return true;
}

std::uint64_t CountedWords::times(std::int64_t word) const {
  if (slots_.empty()) return 0;
  for (std::size_t i = home(word); slots_[i].times != 0; i = (i + 1) & (slots_.size() - 1)) {
    if (slots_[i].word == word) return slots_[i].times;
  }
  return 0;
}

bool CountedWords::remove(std::int64_t word, std::uint64_t times) {
  TOCSIN_ASSERT(count_ > 0, "what is removed was added");
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = home(word);
  while (slots_[i].times == 0 || slots_[i].word != word) {
    TOCSIN_ASSERT(slots_[i].times != 0, "what is removed was added");
    i = (i + 1) & mask;
  }
  TOCSIN_ASSERT(slots_[i].times >= times, "what is removed was added");
  slots_[i].times -= times;
  if (slots_[i].times > 0) return false;
  // The words after it move back, so that none is cut off from its home.
  for (std::size_t next = (i + 1) & mask; slots_[next].times != 0; next = (next + 1) & mask) {
    const std::size_t wanted = home(slots_[next].word);
    if (((next - wanted) & mask) >= ((next - i) & mask)) {
      slots_[i] = std::exchange(slots_[next], Slot{});
      i = next;
    }
  }
  --count_;
  if (count_ == 0) {
    clear();
  } else if (slots_.size() > 8 && count_ * 8 < slots_.size()) {
    resize(slots_.size() / 4);
  }
  return true;
}

void CountedWords::clear() {
  std::pmr::vector<Slot>(slots_.get_allocator()).swap(slots_);
  count_ = 0;
}
}  // namespace tocsin::cep
