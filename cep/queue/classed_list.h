/// A list of numbered places in an order, each of which is in one class too. Adding a place before
/// another, taking one out, and saying which of two comes first take constant time, and the places
/// of a class are found without a look at others.
///
/// A place has a label that ascends along the list. Where there is no room between two labels all
/// are made again: at most once in so many insertions as kApart has bits, and after an insertion at
/// the end never in practice.
/// Invariant: the places of a class are in the order in which they joined it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tocsin::cep {
class ClassedList {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  explicit ClassedList(std::uint32_t classes) : classes_(classes) {}
  std::uint32_t size() const { return size_; }
  /// A place before `next`, at the end where that is kNone. It is a free one, else the first number
  /// that no place has had. It is in no class yet.
  std::uint32_t insert(std::uint32_t next);
  /// Puts a place that is in no class into one, after all that are in it.
  void join(std::uint32_t place, std::uint32_t of_class);
  /// Takes a place out of the list and its class; its number is free.
  void erase(std::uint32_t place);

  std::uint32_t front() const { return first_; }
  std::uint32_t next(std::uint32_t place) const { return places_[place].next; }
  std::uint32_t before(std::uint32_t place) const { return places_[place].before; }
  /// Whether a place comes before another.
  bool precedes(std::uint32_t a, std::uint32_t b) const {
    return places_[a].label < places_[b].label;
  }
  std::uint32_t class_count() const { return static_cast<std::uint32_t>(classes_.size()); }
  std::uint32_t size_of(std::uint32_t of_class) const { return classes_[of_class].size; }
  std::uint32_t front_of(std::uint32_t of_class) const { return classes_[of_class].first; }
  /// The next place of its class.
  std::uint32_t next_in_class(std::uint32_t place) const { return places_[place].class_next; }
  std::size_t bytes() const {
    return sizeof(*this) + places_.capacity() * sizeof(Place) + free_.capacity() * 4 +
           classes_.capacity() * sizeof(Class);
  }

 private:
  static constexpr std::uint64_t kApart = std::uint64_t{1} << 32;  // labels, at the end
  static constexpr std::uint64_t kClose = std::uint64_t{1} << 16;  // within

  struct Place {
    std::uint64_t label = 0;
    std::uint32_t before = kNone;
    std::uint32_t next = kNone;
    std::uint32_t class_before = kNone;
    std::uint32_t class_next = kNone;
    std::uint32_t of_class = kNone;
  };
  struct Class {
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
    std::uint32_t size = 0;
  };
  std::uint64_t label_before(std::uint32_t next) const;
  void label_all();

  std::vector<Place> places_;
  std::vector<std::uint32_t> free_;
  std::vector<Class> classes_;
  std::uint32_t first_ = kNone;
  std::uint32_t last_ = kNone;
  std::uint32_t size_ = 0;
};
}  // namespace tocsin::cep
