/// Many short lists of numbers in two arrays.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tocsin::cep {
/// Lists of numbers behind each other, read by the list's own number.
class NumberLists {
 public:
  /// Appends an empty list, to which add() adds.
  void begin() { ends_.push_back(static_cast<std::uint32_t>(numbers_.size())); }
  void add(std::uint32_t number) {
    numbers_.push_back(number);
    ++ends_.back();
  }
  std::size_t size() const { return ends_.size(); }
  std::span<const std::uint32_t> of(std::size_t list) const {
    const std::uint32_t begin = list == 0 ? 0 : ends_[list - 1];
    return {numbers_.data() + begin, ends_[list] - begin};
  }

 private:
  std::vector<std::uint32_t> ends_;
  std::vector<std::uint32_t> numbers_;
};
}  // namespace tocsin::cep
