/// Of the lists of events that begin with one first event, the longest for each event that may end
/// them (cep/places/longest_match.h).
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace tocsin::cep {
struct LongestLists {
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  /// An event that a step may take.
  struct Item {
    std::uint64_t before = kNone;  // the item of the step before that the event follows
    std::uint64_t length_before = 0;
    std::uint64_t length = 0;     // of the list that ends with the event; 0: none does
    std::uint64_t first = kNone;  // of a loop: the item with which it begins in that list
  };
  struct Step {
    std::uint64_t begin = 0;  // the number of the first item
    std::vector<Item> items;
    std::uint64_t seen = 0;            // items of the step before up to here were compared
    std::uint64_t before = kNone;      // of those the one with the longest list
    std::uint64_t best_first = kNone;  // of a loop: the item with which it begins at best
    const Item& at(std::uint64_t number) const {
      return items[static_cast<std::size_t>(number - begin)];
    }
    std::uint64_t end() const { return begin + items.size(); }
  };
  /// The events, by their numbers in the log, that one of two loops took and the other did not;
  /// up to the last event of the one that is behind.
  struct Difference {
    std::uint64_t seen_of_one = 0;
    std::uint64_t seen_of_other = 0;
    std::vector<std::uint64_t> events;
  };
  std::uint64_t start = kNone;  // the number of the first event
  std::vector<Step> steps;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Difference> differences;  // by two loops

  std::size_t bytes() const {
    std::size_t sum = sizeof(*this) + steps.capacity() * sizeof(Step);
    for (const Step& step : steps) sum += step.items.capacity() * sizeof(Item);
    for (const auto& [loops, difference] : differences) {
      sum +=
          sizeof(loops) + sizeof(difference) + difference.events.capacity() * sizeof(std::uint64_t);
    }
    return sum;
  }
};
}  // namespace tocsin::cep
