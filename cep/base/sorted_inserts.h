/// Many insertions into a long sorted vector, which is moved once.
#pragma once
#include <algorithm>
#include <cstddef>
#include <vector>

namespace tocsin::cep {
/// Shows the vector as though each value had been inserted at once. Takes time by the number of
/// values inserted, and finish() by how many items stand behind the first of them.
template <typename T>
class SortedInserts {
 public:
  /// The vector is not changed by others until finish().
  explicit SortedInserts(std::vector<T>& items) : items_(items) {}
  std::size_t size() const { return items_.size() + added_.size(); }
  const T& at(std::size_t place) const {
    const std::size_t before = added_before(place);
    const bool is_added = before < places_.size() && places_[before] == place;
    return is_added ? added_[before] : items_[place - before];
  }
  /// The first place of which `comes_first(value, item)` is true, or the end. Asks of the same
  /// items, in the same order, as std::upper_bound() over the vector would.
  template <typename ComesFirst>
  std::size_t upper_bound(const T& value, ComesFirst&& comes_first) const {
    std::size_t first = 0;
    for (std::size_t left = size(); left > 0;) {
      const std::size_t half = left / 2;
      if (comes_first(value, at(first + half))) {
        left = half;
      } else {
        first += half + 1;
        left -= half + 1;
      }
    }
    return first;
  }
  void insert(std::size_t place, const T& value) {
    const auto at = static_cast<std::ptrdiff_t>(added_before(place));
    for (auto behind = places_.begin() + at; behind != places_.end(); ++behind) ++*behind;
    places_.insert(places_.begin() + at, place);
    added_.insert(added_.begin() + at, value);
  }
  /// Puts all into the vector.
  void finish() {
    std::size_t from = items_.size();
    items_.resize(size());
    for (std::size_t to = items_.size(); !added_.empty();) {
      if (places_.back() == --to) {
        items_[to] = added_.back();
        added_.pop_back();
        places_.pop_back();
      } else {
        items_[to] = items_[--from];
      }
    }
  }

 private:
  // How many were inserted before the place.
  std::size_t added_before(std::size_t place) const {
    return static_cast<std::size_t>(std::ranges::lower_bound(places_, place) - places_.begin());
  }

  std::vector<T>& items_;
  std::vector<T> added_;             // ascending
  std::vector<std::size_t> places_;  // of these, among all
};
}  // namespace tocsin::cep
