/// An array of many places of which few are used.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

namespace tocsin::cep {
/// Values come in pages, which are made when a place of theirs is first used: a page that nobody
/// uses takes half a byte a place.
template <typename T>
class SparseArray {
 public:
  /// The value at a place, made by `make(place)` where it has none yet; so are its neighbours. The
  /// address stays valid.
  template <typename Make>
  T& at(std::size_t place, Make&& make) {
    const std::size_t page = place / kPage;
    if (page >= pages_.size()) pages_.resize(page + 1);
    if (pages_[page] == nullptr) {
      pages_[page] = std::make_unique<std::vector<T>>();
      pages_[page]->reserve(kPage);
      for (std::size_t i = 0; i < kPage; ++i) pages_[page]->push_back(make(page * kPage + i));
    }
    return (*pages_[page])[place % kPage];
  }
  /// The value at a place; null where it was not made.
  const T* find(std::size_t place) const {
    const std::size_t page = place / kPage;
    return page < pages_.size() && pages_[page] != nullptr ? &(*pages_[page])[place % kPage]
                                                           : nullptr;
  }
  /// Calls `visit(value)` for each that was made.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const auto& page : pages_) {
      if (page == nullptr) continue;
      for (const T& value : *page) visit(value);
    }
  }
  std::size_t bytes() const {
    std::size_t sum = pages_.capacity() * sizeof(pages_[0]);
    for (const auto& page : pages_) {
      if (page != nullptr) sum += sizeof(*page) + kPage * sizeof(T);
    }
    return sum;
  }

 private:
  static constexpr std::size_t kPage = 16;
  std::vector<std::unique_ptr<std::vector<T>>> pages_;
};
}  // namespace tocsin::cep
