/// A list of numbered places in an order, each of which is in one class too. Adding a place before
/// another, taking one out, and saying which of two comes first take constant time, and the places
/// of a class are found without a look at others.
///
/// A place has a label that ascends along the list. Where there is no room between two labels all
/// are made again: at most once in so many insertions as kApart has bits, and after an insertion at
/// the end never in practice.
/// A class may have parts, each of the places that joined it with one key: those are found by the
/// key, without a look at the class's others.
/// Invariants: the places of a class, and those of a part, are in the order in which they joined
/// it; no part is empty.
#pragma once
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace tocsin::cep {
class ClassedList {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  explicit ClassedList(std::uint32_t classes) : class_count_(classes), classes_(classes) {}
  std::uint32_t size() const { return size_; }
  /// A place before `next`, at the end where that is kNone. It is a free one, else the first number
  /// that no place has had. It is in no class yet.
  std::uint32_t insert(std::uint32_t next);
  /// Puts a place that is in no class into one, after all that are in it.
  void join(std::uint32_t place, std::uint32_t of_class);
  /// The same with a key, into that part of the class. All places of a class have one, or none has.
  void join(std::uint32_t place, std::uint32_t of_class, std::uint64_t key);
  /// Takes a place out of the list and its class; its number is free.
  void erase(std::uint32_t place);

  std::uint32_t front() const { return first_; }
  std::uint32_t next(std::uint32_t place) const { return places_[place].next; }
  std::uint32_t before(std::uint32_t place) const { return places_[place].before; }
  /// Whether a place comes before another.
  bool precedes(std::uint32_t a, std::uint32_t b) const {
    return places_[a].label < places_[b].label;
  }
  std::uint32_t class_count() const { return class_count_; }
  std::uint32_t size_of(std::uint32_t of_class) const { return classes_[of_class].size; }
  std::uint32_t front_of(std::uint32_t of_class) const { return classes_[of_class].first; }
  /// The next place of its class.
  std::uint32_t next_in_class(std::uint32_t place) const { return places_[place].in_class.next; }
  /// The part of a class with the key; kNone: it is empty.
  std::uint32_t part_of(std::uint32_t of_class, std::uint64_t key) const;
  std::uint32_t size_of_part(std::uint32_t part) const { return kept_parts_[part].size; }
  std::uint32_t front_of_part(std::uint32_t part) const { return kept_parts_[part].first; }
  /// The next place of its part.
  std::uint32_t next_in_part(std::uint32_t place) const { return places_[place].in_part.next; }
  std::size_t bytes() const {
    return sizeof(*this) + places_.capacity() * sizeof(Place) + free_.capacity() * 4 +
           classes_.capacity() * sizeof(Class) + kept_parts_.capacity() * sizeof(Part) +
           free_parts_.capacity() * 4 + parts_.size() * (sizeof(PartKey) + 4 * sizeof(void*)) +
           parts_.bucket_count() * sizeof(void*);
  }

 private:
  static constexpr std::uint64_t kApart = std::uint64_t{1} << 32;  // labels, at the end
  static constexpr std::uint64_t kClose = std::uint64_t{1} << 16;  // within

  // Of a place in a class or a part.
  struct Links {
    std::uint32_t of = kNone;  // it; kNone: in none
    std::uint32_t before = kNone;
    std::uint32_t next = kNone;
  };
  struct Place {
    std::uint64_t label = 0;
    std::uint32_t before = kNone;
    std::uint32_t next = kNone;
    Links in_class;
    Links in_part;
  };
  struct Class {
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
    std::uint32_t size = 0;
  };
  struct Part : Class {
    std::uint32_t of_class = kNone;
    std::uint64_t key = 0;
  };
  struct PartKey {
    std::uint32_t of_class = 0;
    std::uint64_t key = 0;
    friend bool operator==(const PartKey&, const PartKey&) = default;
  };
  struct PartHash {
    std::size_t operator()(const PartKey& part) const {
      // Keys are hashes.
      return static_cast<std::size_t>(part.key ^ (part.of_class * 0x9E3779B97F4A7C15ULL));
    }
  };
  std::uint64_t label_before(std::uint32_t next) const;
  void label_all();
  void append(Class& to, std::uint32_t place, Links Place::*links);
  void take_out(Class& from, const Links& at, Links Place::*links);

  std::vector<Place> places_;
  std::vector<std::uint32_t> free_;
  std::uint32_t class_count_;
  std::vector<Class> classes_;
  std::unordered_map<PartKey, std::uint32_t, PartHash> parts_;  // where they are kept
  std::vector<Part> kept_parts_;
  std::vector<std::uint32_t> free_parts_;
  std::uint32_t first_ = kNone;
  std::uint32_t last_ = kNone;
  std::uint32_t size_ = 0;
};
}  // namespace tocsin::cep
