/// One ring of a key's events for all features over the same kind of event, and what each feature
/// adds to it. All of it lies in the key's record: plain words, and offsets within the record.
///
/// - `SharedRing`: the events' times, and the values of the argument once a feature has taken one.
///   Events have numbers, one after the other.
/// - `EventGroup`: which of the ring's events satisfy one condition. Several features may look at
///   them, each over a window of its own. The newest up to 32 numbers are bits in the group. Its
///   older events are all numbers down to the oldest that a feature holds, as long as it left none
///   of them out, or else `EventChunks`, which the group owns.
/// - `GroupMember`: a feature of the group: its oldest event, and their sum where it has an
/// argument.
///   It holds the newest events of the group, so that its oldest event is all there is to know: a
///   further event is counted once for the whole group. Events that have left a member's window are
///   dropped when it is read, or when their memory is wanted.
///
/// An event that no feature holds any more is dropped when the ring is full. Its shape follows its
/// contents: times take 4 bytes while they lie within 71 minutes, else 8, and a ring of which no
/// feature holds values has no room for them.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "cep/base/assert.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/int128.h"
#include "cep/value/value.h"

namespace tocsin::cep {
struct RingShape {
  std::uint32_t capacity = 0;
  bool wide_times = false;
  bool has_values = false;

  std::uint32_t time_words() const { return wide_times ? capacity : (capacity + 1) / 2; }
  /// With the header.
  std::uint32_t words() const;
  friend bool operator==(const RingShape&, const RingShape&) = default;
};

/// The header; the times and the values follow it.
class SharedRing {
 public:
  static constexpr std::uint32_t kCapacityLeast = 4;
  /// Whether times that lie so far apart fit 4 bytes.
  static bool is_narrow(std::int64_t span_us) {
    return span_us >= 0 && span_us <= std::int64_t{std::numeric_limits<std::uint32_t>::max()};
  }

  void start(const RingShape& shape);
  RingShape shape() const {
    return {packed_shape_ >> 2, (packed_shape_ & 1) != 0, (packed_shape_ & 2) != 0};
  }
  std::uint32_t capacity() const { return packed_shape_ >> 2; }
  std::uint32_t first() const { return first_; }
  std::uint32_t count() const { return count_; }
  /// The number that the next event gets.
  std::uint32_t end() const { return first_ + count_; }
  bool has_values() const { return (packed_shape_ & 2) != 0; }
  /// Whether an event of this time can be added as the ring is.
  bool has_room(std::int64_t time_us) const {
    return count_ < capacity() &&
           (count_ == 0 || has_wide_times() || is_narrow(time_us - base_us_));
  }
  std::int64_t time(std::uint32_t number) const {
    const std::uint32_t place = place_of(number);
    if (has_wide_times()) return reinterpret_cast<const std::int64_t*>(this + 1)[place];
    return base_us_ + reinterpret_cast<const std::uint32_t*>(this + 1)[place];
  }
  /// 0 where the ring has no values.
  std::int64_t value(std::uint32_t number) const {
    return has_values() ? const_cast<SharedRing*>(this)->values()[place_of(number)] : 0;
  }
  /// Adds an event without a value; requires has_room().
  void push(std::int64_t time_us);
  /// Requires values.
  void set_value(std::uint32_t number, std::int64_t value) { values()[place_of(number)] = value; }
  /// Drops the oldest events, so many.
  void drop_front(std::uint32_t events);
  /// Forgets all events. Numbers go on from 0.
  void clear() { first_ = count_ = head_ = 0; }
  /// Copies the events with their numbers into a ring that was started in a shape that differs in
  /// its capacity alone, and fits them.
  void copy_to(SharedRing& to) const;

 private:
  bool has_wide_times() const { return (packed_shape_ & 1) != 0; }
  std::uint32_t place_of(std::uint32_t number) const {
    const std::uint32_t place = head_ + (number - first_);
    return place < capacity() ? place : place - capacity();
  }
  std::int64_t* values() {
    return reinterpret_cast<std::int64_t*>(this + 1) + shape().time_words();
  }

  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t head_ = 0;  // the place of the oldest event
  std::uint32_t packed_shape_ = 0;
  std::int64_t base_us_ = 0;  // of times of 4 bytes
};

inline void SharedRing::push(std::int64_t time_us) {
  TOCSIN_ASSERT(has_room(time_us), "the caller makes room");
  if (count_ == 0) {
    base_us_ = time_us;
    head_ = 0;
  }
  const std::uint32_t place = place_of(end());
  if (has_wide_times()) {
    reinterpret_cast<std::int64_t*>(this + 1)[place] = time_us;
  } else {
    reinterpret_cast<std::uint32_t*>(this + 1)[place] =
        static_cast<std::uint32_t>(time_us - base_us_);
  }
  if (has_values()) values()[place] = 0;
  ++count_;
}

/// Up to 32 numbers from `start` on, of which those with a bit are the group's: always the first.
struct EventChunk {
  std::uint32_t start = 0;
  std::uint32_t bits = 0;
};
/// The header; the chunks follow it, ascending.
struct EventChunks {
  std::uint32_t count = 0;
  std::uint32_t capacity = 0;

  EventChunk* chunks() { return reinterpret_cast<EventChunk*>(this + 1); }
  static std::uint32_t words(std::uint32_t capacity) { return 1 + capacity; }
};
/// The header; the members follow it.
struct EventGroup {
  EventChunk newest;
  std::uint32_t older = 0;  // EventChunks: words from the begin of the record; 0: none
  std::uint32_t taken_and_empty = 0;

  /// Events that it ever took, modulo 2^31.
  std::uint32_t taken() const { return taken_and_empty >> 1; }
  /// Whether some member may hold none.
  bool has_empty() const { return (taken_and_empty & 1) != 0; }
  void set(std::uint32_t taken, bool has_empty) {
    taken_and_empty = taken << 1 | std::uint32_t{has_empty};
  }
  void take_one() { taken_and_empty += 2; }
  void mark_empty() { taken_and_empty |= 1; }

  /// Words of a group of so many members.
  static std::uint32_t words(std::uint32_t members, bool has_sums);
};
struct GroupMember {
  std::uint32_t first = 0;   // the number of its oldest event; where it has none: kHere or 0
  std::uint32_t before = 0;  // EventGroup::taken() before its oldest event, or as it is, if none

  static constexpr std::uint32_t kHere = 1;
};

/// A group of events in its ring.
class GroupView {
 public:
  /// `chunks`: the group's `older`; null for none. `has_sums`: its members have sums.
  GroupView(SharedRing* ring, EventGroup* group, EventChunks* chunks, std::uint32_t members,
            bool has_sums)
      : ring_(ring), group_(group), chunks_(chunks), members_(members), has_sums_(has_sums) {}
  SharedRing& ring() const { return *ring_; }
  EventGroup& group() const { return *group_; }
  std::uint32_t members() const { return members_; }
  GroupMember& member(std::uint32_t place) const {
    const std::size_t bytes = sizeof(GroupMember) + (has_sums_ ? 2 * sizeof(std::uint64_t) : 0);
    return *reinterpret_cast<GroupMember*>(reinterpret_cast<std::byte*>(group_ + 1) +
                                           place * bytes);
  }
  /// How many events the member holds.
  std::uint32_t count(const GroupMember& member) const {
    return (group_->taken() - member.before) & kTakenMask;
  }
  /// A member that has taken no event since it was made or forgotten is not here.
  bool is_here(const GroupMember& member) const { return member.first != 0 || count(member) != 0; }
  /// Of members of a group with sums.
  Int128 sum(const GroupMember& member) const;
  /// Whether no member holds an event.
  bool is_empty() const {
    for (std::uint32_t i = 0; i < members_; ++i) {
      if (count(member(i)) > 0) return false;
    }
    return true;
  }
  /// The oldest event that a member holds; requires one.
  std::uint32_t oldest() const;
  /// The newest; requires one.
  std::uint32_t newest() const {
    const EventChunk& chunk = group_->newest;
    return chunk.start + static_cast<std::uint32_t>(std::bit_width(chunk.bits)) - 1;
  }
  /// The group's event before which so many newer ones stand; nothing where these are not all among
  /// the newest up to 32 numbers.
  std::optional<std::uint32_t> newest_but(std::uint32_t newer) const {
    const EventChunk& chunk = group_->newest;
    if (static_cast<std::uint32_t>(std::popcount(chunk.bits)) <= newer) return std::nullopt;
    const auto width = static_cast<std::uint32_t>(std::bit_width(chunk.bits));
    if (chunk.bits == ones(width)) return chunk.start + width - 1 - newer;
    std::uint32_t bits = chunk.bits;
    for (; newer > 0; --newer) bits ^= std::bit_floor(bits);
    return chunk.start + static_cast<std::uint32_t>(std::bit_width(bits)) - 1;
  }
  /// The group's event after this one of its events, which is not the newest.
  std::uint32_t next(std::uint32_t number) const;

  /// Drops from the member what has left a window of this length by `now`.
  void trim(GroupMember& member, std::int64_t now_us, std::int64_t window_us) const {
    if (count(member) > 0 && ring_->time(member.first) <= now_us - window_us) {
      drop_up_to(member, now_us - window_us);
    }
  }
  /// Drops from `member` what `other`, which was `held` before, has dropped.
  void drop_likewise(GroupMember& member, const GroupMember& held, const GroupMember& other) const {
    // Each holds the newest events of the group, so that their numbers say which they are.
    if (count(member) > count(held) || count(member) <= count(other)) return;
    member = other;
    if (has_sums_) copy_sum(other, member);
  }
  /// Requires that it holds one.
  void drop_oldest(GroupMember& member) const;
  /// Forgets what it holds.
  void forget(GroupMember& member) const;
  /// Adds an event that is the group's newest by now to all members.
  void add(std::uint32_t number, std::int64_t value) const {
    group_->take_one();
    if (has_sums_ || group_->has_empty()) add_to_members(number, value);
  }
  /// Makes the newest `count` events of the ring's `numbers`, which are all of the group's, those
  /// of a member that is not here; `values` are by number. Requires that taken() says how many
  /// there are.
  void restore(GroupMember& member, std::span<const std::uint32_t> numbers, std::uint32_t count,
               std::span<const std::int64_t> values) const;

  /// How many chunks it takes to make the ring's newest event one of the group's; 0 for as many as
  /// there are.
  std::uint32_t chunks_for(std::uint32_t number) const {
    return number - group_->newest.start < 32 ? 0 : chunks_for_far(number);
  }
  std::uint32_t chunk_capacity() const { return chunks_ == nullptr ? 0 : chunks_->capacity; }
  /// Drops chunks that no member holds events of.
  void drop_old_chunks() const;
  /// Makes the ring's newest event one of the group's, before members add it; requires room for
  /// chunks_for() it.
  void mark(std::uint32_t number) const {
    if (is_empty() || !mark_near(number)) mark_far(number);
  }
  /// The same where it is among the newest up to 32 numbers and some member holds an event; false
  /// elsewhere.
  bool mark_near(std::uint32_t number) const {
    const std::uint32_t place = number - group_->newest.start;
    if (place >= 32) return false;
    group_->newest.bits |= std::uint32_t{1} << place;
    return true;
  }
  /// Calls `take(chunk)` for chunks of the events that members hold.
  template <typename Take>
  void for_each_chunk(Take&& take) const;
  /// Gives the group's events the numbers that `renumber(number)` says; those that members hold
  /// keep their order, and the other numbers of the ring are gone.
  template <typename Renumber>
  void renumber(Renumber&& renumber) const;

 private:
  // The member holds an event; the oldest ones up to this time go.
  void drop_up_to(GroupMember& member, std::int64_t time_us) const;
  static void copy_sum(const GroupMember& from, GroupMember& to);
  // Of a chunk: the events from `oldest` on.
  static std::uint32_t bits_from(const EventChunk& chunk, std::uint32_t oldest);
  bool has_chunks() const { return chunks_ != nullptr && chunks_->count > 0; }
  std::uint32_t chunks_for_far(std::uint32_t number) const;
  void mark_far(std::uint32_t number) const;
  void retire_newest() const;
  static std::uint32_t ones(std::uint32_t count) {
    return count >= 32 ? ~0U : (std::uint32_t{1} << count) - 1;
  }
  template <typename Renumber>
  static EventChunk moved(const EventChunk& chunk, std::uint32_t bits, Renumber&& renumber);
  void add_to_members(std::uint32_t number, std::int64_t value) const;
  static constexpr std::uint32_t kTakenMask = (std::uint32_t{1} << 31) - 1;

  SharedRing* ring_;
  EventGroup* group_;
  EventChunks* chunks_;
  std::uint32_t members_;
  bool has_sums_;
};

/// Whether a number comes before another. Both are of one ring, so that they are near each other.
inline bool is_before(std::uint32_t number, std::uint32_t other) {
  return static_cast<std::int32_t>(number - other) < 0;
}

inline std::uint32_t GroupView::bits_from(const EventChunk& chunk, std::uint32_t oldest) {
  const std::uint32_t gone = is_before(chunk.start, oldest) ? oldest - chunk.start : 0;
  return gone >= 32 ? 0 : chunk.bits & ~ones(gone);
}

template <typename Take>
void GroupView::for_each_chunk(Take&& take) const {
  if (is_empty()) return;
  const std::uint32_t oldest = this->oldest();
  const auto give = [&](const EventChunk& chunk) {
    const std::uint32_t bits = bits_from(chunk, oldest);
    if (bits == 0) return;
    const auto gone = static_cast<std::uint32_t>(std::countr_zero(bits));
    take(EventChunk{chunk.start + gone, bits >> gone});
  };
  const EventChunk& newest = group_->newest;
  if (has_chunks()) {
    for (std::uint32_t i = 0; i < chunks_->count; ++i) give(chunks_->chunks()[i]);
  } else {
    for (std::uint32_t from = oldest; is_before(from, newest.start);) {
      const std::uint32_t count = std::min(newest.start - from, std::uint32_t{32});
      take(EventChunk{from, ones(count)});
      from += count;
    }
  }
  give(newest);
}

template <typename Renumber>
EventChunk GroupView::moved(const EventChunk& chunk, std::uint32_t bits, Renumber&& renumber) {
  EventChunk to;
  to.start = renumber(chunk.start + static_cast<std::uint32_t>(std::countr_zero(bits)));
  for (; bits != 0; bits &= bits - 1) {
    const auto bit = static_cast<std::uint32_t>(std::countr_zero(bits));
    to.bits |= std::uint32_t{1} << (renumber(chunk.start + bit) - to.start);
  }
  return to;
}

template <typename Renumber>
void GroupView::renumber(Renumber&& renumber) const {
  if (is_empty()) return;
  const std::uint32_t oldest = this->oldest();
  if (has_chunks()) {
    std::uint32_t kept = 0;
    std::uint32_t events = 0;
    EventChunk* const chunks = chunks_->chunks();
    for (std::uint32_t i = 0; i < chunks_->count; ++i) {
      const std::uint32_t bits = bits_from(chunks[i], oldest);
      if (bits == 0) continue;
      const EventChunk chunk = moved(chunks[i], bits, renumber);
      events += static_cast<std::uint32_t>(std::popcount(bits));
      EventChunk* const before = kept == 0 ? nullptr : &chunks[kept - 1];
      const std::uint32_t last =
          chunk.start + static_cast<std::uint32_t>(std::bit_width(chunk.bits)) - 1;
      if (before != nullptr && last - before->start < 32) {
        before->bits |= chunk.bits << (chunk.start - before->start);
      } else {
        chunks[kept++] = chunk;
      }
    }
    chunks_->count = kept;
    // Where nothing lies between them, they need no chunks any more.
    const bool is_whole = events == 0 || renumber(group_->newest.start) - chunks[0].start == events;
    if (is_whole) chunks_->count = 0;
  }
  group_->newest = moved(group_->newest, bits_from(group_->newest, oldest), renumber);
  for (std::uint32_t i = 0; i < members_; ++i) {
    GroupMember& one = member(i);
    if (count(one) > 0) one.first = renumber(one.first);
  }
}

/// What a feature holds, the oldest first; values for features with an argument.
struct HeldEvents {
  std::vector<std::int64_t> times;
  std::vector<std::int64_t> values;
};

/// Makes one ring of what several features hold, each by itself: their bytes do not say which
/// events they share. Events of one time and value become one where that keeps each feature's
/// order; whether they once were one makes no difference to anybody.
class RingMerge {
 public:
  struct Member {
    std::uint32_t place = 0;
    std::uint32_t count = 0;  // the group's newest events, so many
  };
  struct Group {
    std::uint32_t group = 0;
    std::vector<Member> members;
    HeldEvents events;                   // of the member that holds the most
    std::vector<std::uint32_t> numbers;  // of these events in the ring
    std::vector<EventChunk> chunks;      // the same as chunks; the newest last
  };

  /// Adds a feature, by its group and its place there. False where it and another feature of the
  /// group hold different events: one of them holds the newest of the other's.
  bool add(std::uint32_t group, std::uint32_t place, HeldEvents events);
  /// Adds all that another one was given.
  bool add(const RingMerge& other);
  /// With `may`, what add() is given from here on may differ from what it was given before, and is
  /// right: of the others what is older stays.
  void let_differ(bool may) { may_differ_ = may; }
  /// Numbers the events of all groups; call once, after the last add().
  void merge();
  const std::vector<Group>& groups() const { return groups_; }
  /// Of the ring, by number.
  const std::vector<std::int64_t>& times() const { return times_; }
  const std::vector<std::int64_t>& values() const { return values_; }
  bool has_values() const { return has_values_; }

 private:
  Group& group_at(std::uint32_t number);
  static void correct(Group& group, HeldEvents right);
  void take_events_at(std::int64_t time, Group& group, std::uint32_t begin);

  std::vector<Group> groups_;  // ascending
  std::vector<std::int64_t> times_;
  std::vector<std::int64_t> values_;
  std::vector<bool> known_;  // values that some feature has given
  bool has_values_ = false;
  bool may_differ_ = false;
};
}  // namespace tocsin::cep
