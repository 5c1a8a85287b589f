/// What one clause of one rule holds back by other values than the rule's key (`for each`), and its
/// state as entries (cep/engine.h), as TableState has it for keys.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cep/key_table.h"
#include "cep/state_cut.h"
#include "cep/state_entry.h"
#include "cep/suppression.h"

namespace tocsin::cep {
class ValueSuppression {
 public:
  ValueSuppression(const Suppression& clause, bool tracks_changes)
      : clause_(clause), tracks_(tracks_changes) {}
  void track_changes() { tracks_ = true; }
  std::size_t size() const { return states_.size(); }
  /// The state of these values, to be changed; a fresh one where there is none.
  SuppressionState& at(const std::string& values);
  /// The same; null where there is none.
  SuppressionState* find(const std::string& values);
  /// Lets go of what is over at `now_us`; events that were taken `within` before it are forgotten.
  void sweep(std::optional<Duration> within, std::int64_t now_us);
  /// Lets go of all.
  void end();

  void begin_cut();
  bool write_cut(std::uint16_t number, std::uint32_t shard, StateSink& sink, Bite& bite);
  void mark_all_changed();
  /// False for bytes that are no entry of this clause, or where there is one.
  bool restore(std::string_view values, std::string_view entry);
  /// Forgets what was restored of the values.
  void forget(std::string_view values) { states_.erase(std::string(values)); }

 private:
  struct Held {
    SuppressionState state;
    std::uint8_t marks = 0;  // as KeySlot has them
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
  void note_change(States::value_type& held);
  bool write(States::value_type& held);

  const Suppression& clause_;
  bool tracks_;
  States states_;
  std::uint8_t changed_mark_ = 1;
  std::uint8_t pending_mark_ = 2;
  std::vector<Shard> shards_;  // where changes are tracked
  std::string entry_;          // the one in hand
};
}  // namespace tocsin::cep
