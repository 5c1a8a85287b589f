/// A queue whose elements keep their numbers.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

namespace tocsin::cep {
/// Elements are numbered from 0 on, in the order in which they came. A number stays with its
/// element, whatever leaves at the front, so that what refers to it need not change.
template <typename T>
class Ring {
 public:
  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return begin_ + items_.size(); }
  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  T& operator[](std::uint64_t number) { return items_[static_cast<std::size_t>(number - begin_)]; }
  const T& operator[](std::uint64_t number) const {
    return items_[static_cast<std::size_t>(number - begin_)];
  }
  const T& front() const { return items_.front(); }
  T& back() { return items_.back(); }
  const T& back() const { return items_.back(); }
  void push(T item) { items_.push_back(std::move(item)); }
  void pop() {
    items_.pop_front();
    ++begin_;
  }
  void pop_back() { items_.pop_back(); }
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
  std::deque<T> items_;
  std::uint64_t begin_ = 0;
};
}  // namespace tocsin::cep
