/// A queue whose elements keep their numbers.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace tocsin::cep {
/// Elements are numbered from 0 on, in the order in which they came. A number stays with its
/// element, whatever leaves at the front, so that what refers to it need not change. A few elements
/// lie in one block of their size; more of them in chunks, so that none is ever moved.
template <typename T>
class Ring {
 public:
  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return begin_ + size(); }
  std::size_t size() const { return many_ != nullptr ? many_->size() : few_.size(); }
  bool empty() const { return size() == 0; }
  T& operator[](std::uint64_t number) {
    const auto at = static_cast<std::size_t>(number - begin_);
    return many_ != nullptr ? (*many_)[at] : few_[at];
  }
  const T& operator[](std::uint64_t number) const { return const_cast<Ring&>(*this)[number]; }
  const T& front() const { return (*this)[begin_]; }
  T& back() { return (*this)[end() - 1]; }
  const T& back() const { return (*this)[end() - 1]; }
  void push(T item) {
    if (many_ == nullptr && few_.size() == kFew) {
      many_ = std::make_unique<std::deque<T>>(few_.begin(), few_.end());
      few_ = {};
    }
    if (many_ != nullptr) {
      many_->push_back(std::move(item));
    } else {
      few_.push_back(std::move(item));
    }
  }
  void pop() {
    if (many_ != nullptr) {
      many_->pop_front();
    } else {
      few_.erase(few_.begin());
    }
    ++begin_;
    if (many_ != nullptr && many_->empty()) many_.reset();
  }
  void pop_back() {
    if (many_ != nullptr) {
      many_->pop_back();
    } else {
      few_.pop_back();
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
  std::vector<T> few_;
  std::unique_ptr<std::deque<T>> many_;
  std::uint64_t begin_ = 0;
};
}  // namespace tocsin::cep
