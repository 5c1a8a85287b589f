/// Slots that are used again, with what they hold.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace tocsin::cep {
inline constexpr std::uint32_t kNoSlot = UINT32_MAX;

/// Slots lie in chunks and do not move; a slot has a member `next`, which is the pool's while it is
/// free. Chunks without a slot in use are freed while more slots are free than kKept and than are
/// in use.
template <typename Slot>
class SlotPool {
 public:
  static constexpr std::size_t kKept = 8'192;

  /// A slot as it was left, or a new one.
  std::uint32_t take() {
    if (open_.empty()) add_chunk();
    const std::uint32_t number = open_.back();
    Chunk& chunk = chunks_[number];
    const std::uint32_t slot = chunk.free;
    chunk.free = (*this)[slot].next;
    ++chunk.used;
    ++used_;
    if (chunk.free == kNoSlot) close(number);
    return slot;
  }
  void give_back(std::uint32_t slot) {
    const std::uint32_t number = slot / kChunk;
    Chunk& chunk = chunks_[number];
    (*this)[slot].next = chunk.free;
    chunk.free = slot;
    --used_;
    if (chunk.used == kChunk) open(number);
    if (--chunk.used > 0) return;
    if (!std::exchange(chunk.is_listed, true)) empty_.push_back(number);
    // Two for each that becomes empty: those before it follow.
    for (int i = 0; i < 2 && !empty_.empty() && has_many_free(); ++i) {
      const std::uint32_t listed = empty_.back();
      empty_.pop_back();
      chunks_[listed].is_listed = false;
      if (chunks_[listed].used == 0) drop_chunk(listed);
    }
  }
  Slot& operator[](std::uint32_t slot) { return chunks_[slot / kChunk].slots[slot % kChunk]; }
  const Slot& operator[](std::uint32_t slot) const {
    return chunks_[slot / kChunk].slots[slot % kChunk];
  }
  /// All that there are, free ones too.
  std::size_t size() const { return size_; }

 private:
  static constexpr std::uint32_t kChunk = 64;
  struct Chunk {
    std::unique_ptr<Slot[]> slots;  // null: it was freed
    std::uint32_t free = kNoSlot;   // the first one
    std::uint32_t used = 0;
    std::uint32_t at = 0;    // in open_, while one is free
    bool is_listed = false;  // in empty_
  };

  bool has_many_free() const {
    const std::size_t free = size_ - used_;
    return free > kKept && free > used_;
  }

  void open(std::uint32_t number) {
    chunks_[number].at = static_cast<std::uint32_t>(open_.size());
    open_.push_back(number);
  }
  void close(std::uint32_t number) {
    const std::uint32_t last = open_.back();
    chunks_[last].at = chunks_[number].at;
    open_[chunks_[number].at] = last;
    open_.pop_back();
  }
  void add_chunk() {
    auto number = static_cast<std::uint32_t>(chunks_.size());
    if (freed_.empty()) {
      chunks_.emplace_back();
    } else {
      number = freed_.back();
      freed_.pop_back();
    }
    Chunk& chunk = chunks_[number];
    chunk.slots = std::make_unique<Slot[]>(kChunk);
    chunk.free = number * kChunk;
    for (std::uint32_t i = 0; i + 1 < kChunk; ++i) chunk.slots[i].next = chunk.free + i + 1;
    chunk.slots[kChunk - 1].next = kNoSlot;
    size_ += kChunk;
    open(number);
  }
  void drop_chunk(std::uint32_t number) {
    close(number);
    chunks_[number].slots.reset();
    chunks_[number].free = kNoSlot;
    freed_.push_back(number);
    size_ -= kChunk;
  }

  std::vector<Chunk> chunks_;
  std::vector<std::uint32_t> open_;   // numbers of chunks with a free slot
  std::vector<std::uint32_t> empty_;  // of those that were without a slot in use
  std::vector<std::uint32_t> freed_;  // of those without memory
  std::size_t used_ = 0;
  std::size_t size_ = 0;
};
}  // namespace tocsin::cep
