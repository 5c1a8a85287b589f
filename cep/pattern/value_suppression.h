/// What one clause of one rule holds back by other values than the rule's key (`for each`), and its
/// state as entries (cep/engine/engine.h), as TableState has it for keys.
#pragma once
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cep/data/state_entry.h"
#include "cep/record/key_table.h"
#include "cep/record/state_cut.h"
#include "cep/record/suppression.h"

namespace tocsin::cep {
class ValueSuppression {
 public:
  ValueSuppression(const Suppression& clause, const SuppressionLife& life, bool tracks_changes)
      : clause_(clause), life_(life), tracks_(tracks_changes) {}
  void track_changes() { tracks_ = true; }
  std::size_t size() const { return states_.size(); }
  std::size_t bytes() const;
  /// The state of these values, to be changed; a fresh one where there is none.
  SuppressionState& at(const std::string& values);
  /// `once while`: the state of these values has become quiet. True where more than `most` of their
  /// key group are: then those that were longest are so no more, and seven eighths stay.
  bool keep_quiet(const std::string& values, std::uint64_t most);
  /// An event came at which these values are quiet no more.
  void end_quiet(const std::string& values);
  /// Lets go of what is over at `now_us`, of a number of values that bounds the time it takes: the
  /// next call goes on. Looks only at those of which something may be over, so that a value costs
  /// about as many looks as it had alerts.
  void sweep(std::int64_t now_us);
  /// Lets go of all.
  void end();

  void begin_cut();
  bool write_cut(std::uint16_t number, std::uint32_t shard, StateSink& sink, Chunk& chunk);
  void mark_all_changed();
  /// False for bytes that are no entry of this clause, or where there is one.
  bool restore(std::string_view values, std::string_view entry, EventTime watermark);
  /// Forgets what was restored of the values.
  void forget(std::string_view values);

 private:
  struct Held {
    SuppressionState state;
    std::uint8_t marks = 0;     // as KeySlot has them
    bool has_look = false;      // it is in looks_
    bool is_forgotten = false;  // while state is restored: empty again
  };
  using States = std::unordered_map<std::string, Held>;
  struct Shard {
    std::vector<States::value_type*> changed;  // marked ones: they stay where they are
    std::vector<States::value_type*> pending;
    std::size_t next = 0;
    EarlyEntries early;
  };
  static std::uint32_t shard_of(std::string_view values) {
    return key_group(values).value / kGroupsOfShard;
  }
  // When a state is to be looked at; the earliest is the first of the heap.
  struct Look {
    std::int64_t at_us = 0;
    States::value_type* held = nullptr;
    friend bool operator<(const Look& a, const Look& b) { return a.at_us > b.at_us; }
  };
  // A quiet state of a key group; the one that has been longest is the first.
  struct Quiet {
    std::int64_t since_us = 0;
    States::value_type* held = nullptr;
    friend bool operator<(const Quiet& a, const Quiet& b) {
      return a.since_us != b.since_us ? a.since_us < b.since_us : a.held->first < b.held->first;
    }
  };
  static Quiet quiet_of(States::value_type& held) {
    return {held.second.state.last_alert_us, &held};
  }
  // Of states that are quiet.
  void end_quiet(States::value_type& held);
  void drop_from_quiet(States::value_type& held);
  void look_at(States::value_type& held, std::int64_t at_us);
  std::int64_t next_look(States::value_type& held, std::int64_t now_us);
  // Of a state that is empty.
  void erase_unless_marked(States::value_type& held);
  void note_change(States::value_type& held);
  bool write(States::value_type& held);

  const Suppression& clause_;
  const SuppressionLife& life_;
  bool tracks_;
  States states_;
  std::size_t text_bytes_ = 0;                                // of the values
  std::vector<Look> looks_;                                   // a heap
  std::unordered_map<std::uint32_t, std::set<Quiet>> quiet_;  // by key group, none empty
  std::size_t quiet_count_ = 0;
  std::uint8_t changed_mark_ = 1;
  std::uint8_t pending_mark_ = 2;
  std::vector<Shard> shards_;  // where changes are tracked
  std::string entry_;          // the one in hand
};
}  // namespace tocsin::cep
