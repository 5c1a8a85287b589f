/// The ids that were taken lately, each with its time, in the order of their taking; the oldest is
/// forgotten first.
///
/// A ring in segments holds 24 bytes of each, and an index (cep/base/number_index.h) its number in
/// the ring by a hash that depends on a seed: who chooses ids cannot choose their places. Neither
/// grows by copying all of what is there.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/base/number_index.h"
#include "cep/base/pages.h"
#include "cep/value/time.h"

namespace tocsin::runtime {
/// 128 bits of an id's hash.
using IdBits = std::array<std::uint64_t, 2>;

/// Invariant: ids are different. Threading: one caller at a time.
class RecentIds {
 public:
  struct Entry {
    cep::EventTime time;
    IdBits id;
  };
  explicit RecentIds(std::uint64_t seed) : seed_(seed) {}
  /// What the other functions want to know of an id.
  std::uint64_t hash_of(const IdBits& id) const;
  /// Starts to load what find() and take() read.
  void prefetch(std::uint64_t hash) const { index_.prefetch(hash); }

  std::size_t size() const { return size_; }
  /// By age, from the oldest on; valid until the next change.
  const Entry& at(std::size_t place) const { return entry(first_ + place); }
  const Entry& oldest() const { return at(0); }
  /// Null where the id is not there; valid until the next change.
  const Entry* find(const IdBits& id, std::uint64_t hash) const;
  /// Adds an id as the newest; false where it is there already.
  bool take(cep::EventTime time, const IdBits& id, std::uint64_t hash);
  /// Forgets the oldest; requires one.
  void forget_oldest();
  /// Forgets all, at once.
  void clear();
  /// Memory held.
  std::size_t bytes() const;

 private:
  // 96 KiB.
  static constexpr std::size_t kSegment = 4096;
  struct Segment {
    Pages memory;
    std::size_t capacity = 0;
  };
  // What the index asks of an entry. Numbers count on from the first entry of the first segment,
  // modulo 2^32; fewer entries are there at a time.
  struct Numbered {
    const RecentIds& ids;
    const Entry& entry(std::uint32_t number) const { return ids.entry(number - ids.base_); }
    void prefetch(std::uint32_t number) const;
    std::uint64_t hash_of(std::uint32_t number) const { return ids.hash_of(entry(number).id); }
  };
  // By place, counted from the first entry of the first segment.
  const Entry& entry(std::size_t place) const {
    return reinterpret_cast<const Entry*>(
        segments_[place / kSegment].memory.get())[place % kSegment];
  }
  std::uint32_t number_of(std::size_t place) const {
    return base_ + static_cast<std::uint32_t>(place);
  }
  Entry* place_for_next();
  void grow_only_segment();

  std::uint64_t seed_;
  std::vector<Segment> segments_;  // all but the last are full
  std::size_t first_ = 0;          // the place of the oldest entry
  std::size_t size_ = 0;
  std::uint32_t base_ = 0;  // the number of the first segment's first entry
  NumberIndex index_;
};
}  // namespace tocsin::runtime
