/// What a rule with `all of` remembers of one busy key (cep/places/members.h): each event once, and
/// for each step the events that fit it. Invariants:
/// - entries ascend along a ring, and what an entry names is there;
/// - the oldest event begins a match: what no match can hold any more has left.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/queue/ring.h"
#include "cep/record/event_log.h"

namespace tocsin::cep {
/// An event that fits a step.
struct MemberEntry {
  std::uint64_t event = 0;   // number in the log
  std::uint32_t subset = 0;  // which of the step's subsets it is in
};

struct MembersState {
  EventLog log;
  Ring<std::uint32_t> sizes;      // of the log's events, in bytes as budgets count
  std::uint64_t event_bytes = 0;  // the sum of `sizes`
  std::vector<Ring<MemberEntry>> by_step;
  Ring<std::uint64_t> starts;  // the events that fit a step of the first group
  std::uint64_t entry_count = 0;

  bool is_empty() const { return starts.empty(); }
  /// Copies an event behind the others. Gives its number.
  std::uint64_t push_event(const KeptEvent& event, std::uint32_t size);
  void push_entry(std::uint32_t step, MemberEntry entry);
  /// Drops the oldest event, with its entries.
  void pop_event();
  /// Drops the oldest event that begins a match, and all that came before the next one.
  void pop_start();
  std::size_t bytes() const;
};
}  // namespace tocsin::cep
