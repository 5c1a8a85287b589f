/// How many different values the end of a queue has.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "cep/queue/ring.h"

namespace tocsin::cep {
/// Values, as key bytes, with the places of a Ring's elements, some of them absent. A place counts
/// where its value does not come again behind it: so many different values has any end of the
/// queue as it has places that count. Beside the places stand the counts of each block of 64 and of
/// each block of 4,096, so that a question looks at 128 numbers and one for each 4,096 places.
class DistinctCount {
 public:
  void push(const std::optional<std::string>& value);
  void pop();
  void pop_back();
  /// Of places [from, end).
  std::uint64_t since(std::uint64_t from) const;
  /// Of places [from, to): looks at each of them, but where these are the last.
  std::uint64_t between(std::uint64_t from, std::uint64_t to) const;
  /// Tells the values of places apart; null for an absent one. Valid while the value is there.
  const void* value_at(std::uint64_t place) const { return places_[place].last; }
  std::size_t bytes() const;

 private:
  static constexpr unsigned kBits = 6;  // of a place within its block
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  using LastPlaces = std::unordered_map<std::string, std::uint64_t>;
  struct Place {
    LastPlaces::value_type* last = nullptr;  // the value, and where it comes last; null: absent
    std::uint64_t before = kNone;            // where it came before
    bool counts = false;
  };
  void set_counts(std::uint64_t place, bool counts);

  Ring<Place> places_;
  std::array<Ring<std::uint32_t>, 2> blocks_;
  LastPlaces last_;
  std::size_t value_bytes_ = 0;
};
}  // namespace tocsin::cep
