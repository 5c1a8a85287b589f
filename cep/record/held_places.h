/// What the partial and complete matches of one rule and key take of its budgets
/// (cep/record/budget.h), kept up to date from event to event, so that a key that stays near its
/// budget is not counted afresh at each.
///
/// A place is held by each match that ends with it and by each held place that comes right after
/// it; an event by each held place that is one of it. What is held by nothing is not counted, so a
/// place is looked at when it comes, when it goes, and when a match that ends with it does.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "cep/record/key_record.h"
#include "cep/value/order.h"

namespace tocsin::cep {
/// Where a match ends.
struct HeldEnd {
  std::uint64_t start = 0;  // its first event's number: those of one stand side by side
  Offset node = 0;          // its last place (a Node); 0: it has none yet
  friend bool operator==(const HeldEnd&, const HeldEnd&) = default;
};

class HeldPlaces {
 public:
  /// Neither a place nor a captured event takes fewer words.
  static constexpr std::size_t kWordsLeast = sizeof(Node) / 8;
  /// Where the rule's places are from now on, `words` words at `base`; those that were known stand
  /// where they stood. `layouts` are its table's.
  void look_at(const Plan& plan, const Rule& rule, const std::vector<CaptureLayout>& layouts,
               const std::byte* base, std::size_t words);
  /// One match more, or one less, ends with `node` (a Node; 0: it has none yet).
  void hold(Offset node);
  void release(Offset node);
  /// Matches end with `now`, not with `before` any more. Of those of one first event that both have
  /// in a row, at their begin or end, no place is gone through.
  void replace(std::span<const HeldEnd> before, std::span<const HeldEnd> now);
  std::uint64_t events() const { return events_; }
  /// Of places and events, without the matches themselves.
  std::uint64_t bytes() const { return bytes_; }
  /// Places that were gone through, ever.
  std::uint64_t work() const { return work_; }
  std::size_t memory() const;

 private:
  struct Hash {
    std::size_t operator()(const ArrivalNumber& arrival) const;
  };
  // How many hold a place or captured event.
  std::uint32_t& holders(Offset offset) { return holders_[offset / kWordsLeast]; }
  void replace_some(std::span<const HeldEnd> before, std::span<const HeldEnd> now);
  void hold_event(Offset offset);
  void release_event(Offset offset);
  std::uint64_t bytes_of(const KeptEvent& event) const;

  const Plan* plan_ = nullptr;
  const Rule* rule_ = nullptr;
  const std::vector<CaptureLayout>* layouts_ = nullptr;
  const std::byte* base_ = nullptr;
  std::vector<std::uint32_t> holders_;  // of a place or captured event, by holders()
  // How many of the held captured events are the event with that number: it may be captured more
  // than once.
  std::unordered_map<ArrivalNumber, std::uint32_t, Hash> captured_;
  std::uint64_t events_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t work_ = 0;
};

/// The same of partial matches, which are compared with those that follow, and of complete ones
/// that wait, each of which is held when it comes and released when it goes.
struct HeldMatches {
  HeldPlaces places;
  std::vector<HeldEnd> partial;  // matches, behind those that have gone
  std::size_t gone = 0;

  /// Partial matches end with these now.
  void replace(std::vector<HeldEnd> now);
  std::span<const HeldEnd> ends() const { return std::span(partial).subspan(gone); }
  /// The oldest partial matches go, so many.
  void release_oldest(std::size_t matches);
  std::size_t bytes() const {
    return sizeof(*this) + places.memory() + partial.capacity() * sizeof(HeldEnd);
  }
};
}  // namespace tocsin::cep
