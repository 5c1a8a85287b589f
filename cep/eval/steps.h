/// Steps: how much work one event, or one deadline, may take for a rule and a key, in logical
/// units, so that what is given up is the same for any cut of the stream and after any restore.
///
/// A step is a partial match that the event is offered to, a transition that it is tried for, an
/// event of a loop that a condition or a total reads, 64 bytes of a text that a condition on a
/// partial match searches or changes, two events that are compared to put matches in order, and a
/// complete match that is decided on. Half of the steps are for partial matches, an
/// eighth and what is left of those for complete matches, another eighth for finding partial
/// matches with one future; a quarter is for alerts, of which each counts as kStepsOfListed, and
/// each event that it lists.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tocsin::cep {
inline constexpr std::uint64_t kStepsOfListed = 25;

class StepMeter {
 public:
  /// Begins an event or a deadline that may take `most` steps.
  void begin(std::uint64_t most) {
    most_ = most;
    used_ = listed_ = 0;
    allow(kOffers);
  }
  /// Up to where the parts of the work may go, in sixteenths. Where a match may drop partial
  /// matches, they are pruned before it is given.
  static constexpr std::uint64_t kOffers = 8;
  static constexpr std::uint64_t kSorting = 9;
  static constexpr std::uint64_t kMatches = 10;
  static constexpr std::uint64_t kPruning = 12;
  static constexpr std::uint64_t kPruningFirst = 9;
  static constexpr std::uint64_t kSortingThen = 10;
  static constexpr std::uint64_t kMatchesThen = 12;
  void allow(std::uint64_t sixteenths) { limit_ = most_ * sixteenths / 16; }
  /// Takes so many. False where more have been taken than are allowed: what is not complete by then
  /// is void.
  bool take(std::uint64_t steps = 1) {
    used_ += steps;
    return used_ <= limit_;
  }
  bool is_over() const { return used_ > limit_; }
  std::uint64_t limit() const { return limit_; }
  /// An alert was made that lists `events` and leaves out `omitted`.
  void list(std::size_t events, std::uint64_t omitted) {
    listed_ += kStepsOfListed * (1 + events) + omitted / 4;
  }
  /// Whether one more may be.
  bool may_list() const { return listed_ == 0 || listed_ < most_ / 4; }

 private:
  std::uint64_t most_ = 0;
  std::uint64_t limit_ = 0;
  std::uint64_t used_ = 0;
  std::uint64_t listed_ = 0;
};

/// Stable; which elements it compares depends on their order alone.
template <typename T, typename Before>
void merge_sort(T* first, T* last, std::vector<T>& scratch, const Before& before) {
  if (last - first < 2) return;
  T* const middle = first + (last - first) / 2;
  merge_sort(first, middle, scratch, before);
  merge_sort(middle, last, scratch, before);
  if (!before(*middle, middle[-1])) return;
  scratch.assign(first, middle);
  const T* left = scratch.data();
  const T* const left_end = left + scratch.size();
  const T* right = middle;
  T* to = first;
  while (left != left_end && right != last) *to++ = before(*right, *left) ? *right++ : *left++;
  std::copy(left, left_end, to);
}

/// Sorts matches of which those of one `start` stand together, within each start. Gives how many
/// are sorted; the rest are those for which the steps did not suffice.
template <typename Match, typename Before>
std::size_t sort_within_starts(std::vector<Match>& matches, const StepMeter& steps,
                               const Before& before) {
  std::vector<Match> scratch;
  for (std::size_t begin = 0, end = 0; begin < matches.size(); begin = end) {
    for (end = begin + 1; end < matches.size() && matches[end].start == matches[begin].start;) {
      ++end;
    }
    merge_sort(matches.data() + begin, matches.data() + end, scratch, before);
    if (steps.is_over()) return begin;
  }
  return matches.size();
}

/// Puts what was drafted of partial matches from the newest to the oldest in the order that they
/// have; `from` says which a draft comes from.
template <typename Draft>
void reverse_drafts(std::vector<Draft>& drafts) {
  std::reverse(drafts.begin(), drafts.end());
  for (auto begin = drafts.begin(), end = begin; begin != drafts.end(); begin = end) {
    while (end != drafts.end() && end->from == begin->from) ++end;
    std::reverse(begin, end);
  }
}
}  // namespace tocsin::cep
