/// Budgets: how much a rule may remember, in logical units, so that what they drop is the same for
/// any cut of the stream, after any restore and with any layout of memory. Each applies at the
/// event that exceeds it, after that event's own alerts, and drops the oldest partial matches.
///
/// What counts of a rule's partial matches of one key: each partial match kPartialMatchBytes; each
/// place of an event in one, with its path there, kPlaceBytes, once where partial matches share it;
/// each event once: kEventBytes and the fields that the rule's alerts show, 8 bytes each, texts
/// their length.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/base/sparse_array.h"
#include "cep/data/alert.h"
#include "cep/record/budget_bytes.h"
#include "cep/record/held_places.h"
#include "cep/record/key_record.h"

namespace tocsin::cep {
/// Adds up what partial matches of one rule and key take. Takes time by the places it adds, and
/// memory by the words it is told of.
class BudgetMeter {
 public:
  /// Of the rule's places in `words` words at `base`; `layouts` are its table's.
  void begin(const Plan& plan, const Rule& rule, const std::vector<CaptureLayout>& layouts,
             const std::byte* base, std::size_t words);
  /// Adds a partial match whose last place is `node` (a Node; 0: it has none yet).
  void add(Offset node);
  std::uint64_t events() const { return events_; }
  std::uint64_t bytes() const { return bytes_; }
  /// Places that were gone through, ever.
  std::uint64_t work() const { return work_; }

 private:
  bool is_new(Offset offset);

  const Plan* plan_ = nullptr;
  const Rule* rule_ = nullptr;
  const std::vector<CaptureLayout>* layouts_ = nullptr;
  const std::byte* base_ = nullptr;
  std::vector<std::uint32_t> seen_;  // by offset: the number of the begin() that saw it last
  std::uint32_t round_ = 0;
  std::set<ArrivalNumber> arrivals_;
  std::uint64_t events_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t work_ = 0;
};

/// What a key of a rule with a simple method takes of its budgets, where it may be near one.
struct RunTally {
  std::optional<std::string> key;     // whose it is; keys may share a hash
  BudgetShare most;                   // that its places and events take
  std::unique_ptr<HeldMatches> held;  // null where that is far from a budget

  std::size_t bytes() const {
    return sizeof(*this) + (key ? key->capacity() : 0) + (held != nullptr ? held->bytes() : 0);
  }
};
/// The tallies of a shard's keys that may be near a budget, by hash of the key and rule. Invariant:
/// while the hash is among RecordStore::counted(), what they hold stands where it stood.
class BudgetTallies {
 public:
  RunTally& at(RuleIndex rule, std::uint64_t hash);
  /// Null where there is none.
  RunTally* find(RuleIndex rule, std::uint64_t hash);
  /// Nothing is known of the key any more.
  void forget(RuleIndex rule, std::uint64_t hash) {
    if (!tallies_.empty()) tallies_.erase({hash, rule.value});
  }
  /// What keys with that hash hold is not known any more. Takes time by their tallies alone.
  void forget_held(std::uint64_t hash);
  std::size_t bytes() const;
  /// Drops those that were not used since the last call.
  void sweep();

 private:
  struct Held {
    RunTally tally;
    bool is_used = false;
  };
  std::map<std::pair<std::uint64_t, std::uint32_t>, Held> tallies_;
};

/// Whether state of `words` words of memory, with so many partial matches, can exceed a budget of
/// its key once the current event is added. A matter of speed alone: where it is false, nothing is
/// exceeded.
inline bool may_exceed_key_budget(const Limits& limits, std::uint64_t words, std::uint64_t runs) {
  constexpr std::uint64_t kWordsOfEvent = sizeof(KeptEvent) / 8;
  return words / kWordsOfEvent >= limits.events_per_key_max ||
         8 * words + runs * (kPartialMatchBytes + kPlaceBytes) + kEventBytesMax >
             limits.bytes_per_key_max;
}

/// The same since a count that gave `events` and `bytes`, for what came in `words` words more, so
/// that a large state is not counted at each event.
inline bool may_exceed_key_budget_since(const Limits& limits, std::uint64_t events,
                                        std::uint64_t bytes, std::uint64_t words,
                                        std::uint64_t runs) {
  constexpr std::uint64_t kWordsOfEvent = sizeof(KeptEvent) / 8;
  return events + words / kWordsOfEvent + 1 > limits.events_per_key_max ||
         bytes + 8 * words + runs * (kPartialMatchBytes + kPlaceBytes) + kEventBytesMax >
             limits.bytes_per_key_max;
}

/// The budgets of a key.
inline BudgetShare key_limit(const Limits& limits) {
  return {limits.bytes_per_key_max, limits.events_per_key_max};
}

/// From when on a rule's partial matches that are dropped now can no longer be missed.
inline std::int64_t missed_until(const RuleProgram& rule, std::int64_t now_us) {
  return now_us + longest_life(rule).value_or(Duration{0}).us;
}

/// A live partial match of a key, and what dropping it and all older ones of the key gives back
/// beyond what dropping only those older ones does.
struct LiveRun {
  std::int64_t time_us = 0;  // of its first event
  ArrivalNumber arrival;
  std::uint64_t bytes = 0;
};

/// What the keys of a shard may still take in, by rule, before the partial matches of its key
/// groups have to be counted: they are only counted when so much has come that a budget may be
/// exceeded.
struct GroupCredit {
  std::int64_t runs = 0;
  std::int64_t bytes = 0;
};
/// What the budgets of its group count of a busy key.
struct GroupShare {
  std::uint64_t runs = 0;
  std::uint64_t bytes = 0;
};
class GroupBudgets {
 public:
  GroupBudgets(const ProgramImpl& program, std::uint32_t table);
  /// The shard's credits, by place; a rule that has none yet has all.
  void work_on(SparseArray<GroupCredit>& credits) { credits_ = &credits; }
  /// The rule has taken on so much for a key of the shard.
  void spend(const RuleProgram& rule, std::uint64_t runs, std::uint64_t bytes) {
    const GroupCredit& left = charge(rule, runs, bytes);
    if (left.runs < 0 || left.bytes < 0) over_.push_back(rule.index.value);
  }
  /// The same of a busy key, of which so much counted before and counts now.
  void spend_growth(const RuleProgram& rule, const GroupShare& before, const GroupShare& now) {
    const std::uint64_t runs = now.runs - std::min(now.runs, before.runs);
    const std::uint64_t bytes = now.bytes - std::min(now.bytes, before.bytes);
    if (runs > 0 || bytes > 0) spend(rule, runs, bytes);
  }
  /// The same, where nothing is looked at before more comes. Gives what is left.
  const GroupCredit& charge(const RuleProgram& rule, std::uint64_t runs, std::uint64_t bytes) {
    GroupCredit& left = credit(rule.index.value);
    left.runs -= static_cast<std::int64_t>(runs);
    left.bytes -= static_cast<std::int64_t>(bytes);
    return left;
  }
  /// The rules, of the pass, whose key groups have to be counted now, which empties the list.
  std::vector<std::uint32_t> take_over(std::uint32_t pass);
  bool any_over() const { return any_spent() || counts_always_; }
  /// Whether some have spent all since take_over().
  bool any_spent() const { return !over_.empty(); }
  GroupCredit& credit(std::uint32_t rule) {
    return credits_->at(place_of_rule_[rule], [&](std::size_t) { return full(); });
  }
  GroupCredit full() const;

 private:
  const ProgramImpl& program_;
  const std::uint32_t table_;
  const bool counts_always_;                  // Limits::groups_counted_always
  std::vector<std::uint32_t> place_of_rule_;  // by rule: among those of the table
  SparseArray<GroupCredit>* credits_ = nullptr;
  std::vector<std::uint32_t> over_;
};

/// Which budgets were exceeded: one alert for each rule, cause and hour of event time, at the first
/// event that exceeded it.
class BudgetLog {
 public:
  explicit BudgetLog(const ProgramImpl& program) : program_(program) {}
  /// The rule has exceeded a budget once more.
  void note(RuleIndex rule, BudgetCause cause, OrderKey at);
  /// Notes what another log has noted, in whatever order, and empties that. Requires that the other
  /// has never given an alert.
  void take_over(BudgetLog& other);
  struct Noted {
    RuleIndex rule;
    BudgetCause cause;
    OrderKey at;
  };
  /// What was noted, of each rule, cause and hour the first, and forgets it: another log gives the
  /// alerts.
  std::vector<Noted> take_notes() { return std::exchange(noted_, {}); }
  /// Appends the alerts that are due, in order; true where there are any. Nothing that comes later
  /// is earlier in the order.
  bool give(std::vector<Alert>& alerts);
  /// How often each rule has exceeded each budget, by this engine.
  const std::map<std::pair<std::uint32_t, BudgetCause>, std::uint64_t>& exceeded() const {
    return exceeded_;
  }
  /// Which hours have had their alert.
  void save(ByteWriter& to) const;
  /// Into a fresh one, perhaps of another program: of rules that it does not know nothing is kept.
  bool restore(ByteReader& from);

 private:
  void note_once(RuleIndex rule, BudgetCause cause, OrderKey at);
  Alert alert_of(const Noted& noted) const;
  std::uint64_t limit_of(BudgetCause cause) const;

  const ProgramImpl& program_;
  std::map<std::pair<std::uint32_t, BudgetCause>, std::uint64_t> exceeded_;
  std::map<std::pair<std::uint32_t, BudgetCause>, std::int64_t> given_;  // the last hour
  std::vector<Noted> noted_;
};
}  // namespace tocsin::cep
