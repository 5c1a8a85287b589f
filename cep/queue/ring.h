/// A queue whose elements keep their numbers.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace tocsin::cep {
/// Elements are numbered from 0 on, in the order in which they came. A number stays with its
/// element, whatever leaves at the front, so that what refers to it need not change. A few elements
/// lie in one block of their size; more of them in chunks by their numbers, so that none is ever
/// moved and one is found with two loads. Requires that T() is cheap and holds nothing.
template <typename T>
class Ring {
 public:
  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return end_; }
  std::size_t size() const { return static_cast<std::size_t>(end_ - begin_); }
  bool empty() const { return end_ == begin_; }
  T& operator[](std::uint64_t number) {
    if (many_ == nullptr) return few_[static_cast<std::size_t>(number - begin_)];
    const std::uint64_t chunk = number / kChunk - many_->first;
    return (*many_->chunks[static_cast<std::size_t>(chunk)])[number % kChunk];
  }
  const T& operator[](std::uint64_t number) const { return const_cast<Ring&>(*this)[number]; }
  const T& front() const { return (*this)[begin_]; }
  T& back() { return (*this)[end_ - 1]; }
  const T& back() const { return (*this)[end_ - 1]; }
  void push(T item) {
    if (many_ == nullptr) {
      if (few_.size() < kFew) {
        few_.push_back(std::move(item));
        ++end_;
        return;
      }
      become_many();
    }
    if (end_ % kChunk == 0) many_->chunks.push_back(std::make_unique<Chunk>());
    (*this)[end_++] = std::move(item);
  }
  void pop() {
    if (many_ == nullptr) {
      few_.erase(few_.begin());
      ++begin_;
      return;
    }
    clear(begin_++);
    if (empty()) {
      many_.reset();
    } else if (begin_ % kChunk == 0) {
      leave_chunk();
    }
  }
  void pop_back() {
    --end_;
    if (many_ == nullptr) {
      few_.pop_back();
      return;
    }
    clear(end_);
    if (empty()) {
      many_.reset();
    } else if (end_ % kChunk == 0) {
      many_->chunks.pop_back();
    }
  }
  /// The first element for which `is` holds, end() where there is none. Requires that it holds for
  /// all elements behind that one.
  template <typename Is>
  std::uint64_t first(Is&& is) const {
    std::uint64_t low = begin();
    std::uint64_t high = end();
    while (low < high) {
      const std::uint64_t middle = low + (high - low) / 2;
      if (is((*this)[middle])) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

 private:
  static constexpr std::size_t kFew = 16;
  static constexpr std::size_t kChunk = 32;
  using Chunk = std::array<T, kChunk>;
  struct Many {
    std::vector<std::unique_ptr<Chunk>> chunks;  // from `first` on; those that were left are null
    std::uint64_t first = 0;                     // numbers divided by kChunk
  };

  void become_many() {
    many_ = std::make_unique<Many>();
    many_->first = begin_ / kChunk;
    many_->chunks.resize(static_cast<std::size_t>((end_ + kChunk - 1) / kChunk - many_->first));
    for (std::unique_ptr<Chunk>& chunk : many_->chunks) chunk = std::make_unique<Chunk>();
    std::uint64_t number = begin_;
    for (T& item : few_) (*this)[number++] = std::move(item);
    few_ = std::vector<T>();
  }
  // The first element is the first of its chunk.
  void leave_chunk() {
    const auto left = static_cast<std::size_t>(begin_ / kChunk - many_->first);
    many_->chunks[left - 1].reset();
    if (2 * left < many_->chunks.size()) return;
    many_->chunks.erase(many_->chunks.begin(),
                        many_->chunks.begin() + static_cast<std::ptrdiff_t>(left));
    many_->first += left;
  }
  void clear(std::uint64_t number) {
    if constexpr (!std::is_trivially_destructible_v<T>) (*this)[number] = T();
  }

  std::vector<T> few_;
  std::unique_ptr<Many> many_;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
};
}  // namespace tocsin::cep
