/// One key's record as the bytes of an entry: a format byte, the captured events once, then a block
/// for each rule and feature that has something: its part in the layout, its length, its bytes.
/// Logical: no offset and nothing of memory's layout, so that equal state has equal bytes.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/match/feature_store.h"
#include "cep/pattern/pattern_matcher.h"
#include "cep/pattern/pattern_reader.h"
#include "cep/pattern/state_pattern.h"
#include "cep/record/key_record.h"
#include "cep/record/state_events.h"
#include "cep/record/state_layout.h"
#include "cep/record/timers.h"

namespace tocsin::cep {
/// What a written part becomes in a table.
struct PartTarget {
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  std::uint32_t op = 0;      // 0: nothing
  std::uint32_t place = 0;   // in a group
  bool keeps_state = false;  // else only what is suppressed
  bool keeps_suppression = false;
  std::vector<std::uint32_t> values;  // by value written with a match: its place here; kNone
};
/// A written table as seen by one of this program.
struct TableTarget {
  const StateTable* written = nullptr;
  std::vector<PartTarget> parts;    // by written part
  std::vector<EventTarget> events;  // by written event type
  /// Of a second engine (Engine::begin_past()): where it does not fit what the first one gave, that
  /// one is right.
  bool is_of_past = false;
  /// Of a later cut (Engine::resume_restore()): where it does not fit what this key has of another
  /// written table, that is of an earlier one and comes anew. Several tables may be one here.
  bool is_later = false;
};
/// A deadline of restored state.
struct RestoredTimer {
  std::uint32_t pass = 0;
  std::uint32_t queue = 0;
  Timer timer;
};

/// Writes and reads the records of one table, of the shard that its stores are working on;
/// `patterns` are that shard's.
class RecordCodec {
 public:
  RecordCodec(const ProgramImpl& program, const TableProgram& table, RecordStore& store,
              EventCapture& capture, FeatureStore& features, PatternMatcher& patterns,
              EngineStats& stats);
  /// Replaces `out` by the record's bytes; false where it holds nothing.
  bool write(const std::byte* record, PatternPool& patterns, std::string& out);
  /// Adds the sizes of the blocks that write() wrote last, by part.
  void add_sizes(std::vector<std::uint64_t>& sizes) const {
    for (const auto& [part, size] : sizes_) sizes[part] += size;
  }
  /// Adds to the slot's record what the entry holds for this table. Deadlines go to `timers`, those
  /// that need no order to `shard_timers`. False for bytes that write() did not write under `from`,
  /// or that are there already. `queues` are by op - 1.
  bool read(const TableTarget& from, std::string_view entry, EventTime watermark, KeySlot& slot,
            std::string_view key, const std::vector<std::uint32_t>& queues, PatternPool& patterns,
            std::vector<RestoredTimer>& timers, std::vector<ShardTimers>& shard_timers);

 private:
  // A written block that is to be read.
  struct Block {
    std::uint32_t part = 0;
    ByteReader state;
    ByteReader suppression;
  };
  // A rule of a strict group, as read.
  struct StrictRule {
    std::uint32_t op = 0;
    std::uint32_t place = 0;
    std::uint16_t alive = 0;
    std::vector<std::uint32_t> events;
  };
  void put_block(std::uint32_t part);
  void write_runs(const std::byte* record, Offset state, const RuleProgram& rule,
                  PatternPool& patterns);
  std::uint32_t node_number(const std::byte* record, Offset node, const RuleProgram& rule);
  void write_group(const std::byte* record, const OperatorEntry& entry, const FeatureGroup& group);
  void write_strict(const std::byte* record, const OperatorEntry& entry, const StrictGroup& group);

  bool read_blocks(const TableTarget& from, ByteReader& bytes);
  bool read_features(const TableTarget& from, KeySlot& slot);
  bool make_room(const TableTarget& from, KeySlot& slot);
  StateKind kind_of(const PartTarget& target) const;
  const RuleProgram& rule_of(const PartTarget& target) const;
  const FeatureProgram& feature_of(const PartTarget& target) const;
  EventTime as_of_;  // of the entry in hand
  bool read_runs(Block& block, const PartTarget& target, PatternPool& patterns, KeySlot& slot);
  bool read_nodes(ByteReader& from, const RuleProgram& rule, std::uint64_t count,
                  std::uint64_t valued, const std::vector<std::uint32_t>& values,
                  std::byte* record);
  bool read_values(ByteReader& from, const RuleProgram& rule,
                   const std::vector<std::uint32_t>& values, std::byte* record, Offset place);
  bool read_run(ByteReader& from, const RuleProgram& rule, const std::byte* record, Run& run) const;
  void add_timers(const RuleProgram& rule, const KeySlot& slot, std::uint32_t queue,
                  std::vector<RestoredTimer>& timers) const;
  bool read_strict(Block& block, const PartTarget& target);
  bool has_same_events(const std::byte* record, StrictState& state, const StrictRule& rule) const;
  bool join_strict(const TableTarget& from, KeySlot& slot);
  bool read_pattern(Block& block, const PartTarget& target, PatternPool& patterns, KeySlot& slot,
                    std::string_view key);
  Offset event_in(std::byte* record, std::size_t number);
  Offset copy_event(std::byte* record, std::size_t number);

  const ProgramImpl& program_;
  const TableProgram& table_;
  RecordStore& store_;
  FeatureStore& features_;
  PatternMatcher& patterns_;
  PatternReader pattern_reader_;
  EngineStats& stats_;
  std::vector<std::vector<std::uint32_t>> parts_;  // by op - 1, then place

  // The entry in work.
  EventWriter events_;
  PatternWriter pattern_writer_;
  std::string blocks_;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> sizes_;  // of blocks_, by part
  std::string body_;                                            // of the block in hand
  std::string nodes_;                                           // of its nodes
  std::string rest_;                                            // what follows them
  std::string suppression_;                                     // of the current rule
  std::vector<std::uint32_t> numbers_;                          // of nodes, by offset; 0: none yet
  std::vector<Offset> path_;
  std::uint32_t node_count_ = 0;
  std::uint32_t valued_count_ = 0;
  EventReader read_events_;
  std::vector<Block> read_;
  std::vector<Offset> placed_;  // of events, in the record; 0: not yet
  std::vector<Offset> made_;    // nodes
  std::vector<StrictRule> strict_;
};
}  // namespace tocsin::cep
