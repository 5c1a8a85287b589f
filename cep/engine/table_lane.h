/// Works on some shards of a table: all that is needed for it beside the shards themselves. Several
/// lanes may work at the same time, each on shards of its own, with one thread each; what they
/// share while they do is only read, but for entries by row that one touch alone writes.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cep/alert/current_row.h"
#include "cep/alert/event_lists.h"
#include "cep/alert/match_context.h"
#include "cep/data/alert.h"
#include "cep/data/batch.h"
#include "cep/engine/plain_rows.h"
#include "cep/engine/profile.h"
#include "cep/engine/slice_keys.h"
#include "cep/engine/state_record.h"
#include "cep/engine/table_shards.h"
#include "cep/eval/eval.h"
#include "cep/eval/slice.h"
#include "cep/match/feature_store.h"
#include "cep/match/matcher.h"
#include "cep/record/budget.h"
#include "cep/record/engine_stats.h"
#include "cep/record/event_capture.h"
#include "cep/record/feature_reader.h"
#include "cep/record/key_record.h"

namespace tocsin::cep {
/// The keys of a slice in a table, and what was found for them.
struct TableTouches {
  SliceKeys keys;
  std::vector<KeySlot*> slots{};  // by touch
  // By touch: where the record lay when its slot was found, to fetch it; it may have moved since.
  std::vector<const std::byte*> record_hints{};
  std::uint16_t tick = 0;  // of the slice's last row
};
/// Shards next to each other.
struct ShardRange {
  std::uint32_t begin = 0;
  std::uint32_t end = kShardCount;
};
/// One pass over a slice.
struct TablePass {
  std::uint32_t pass = 0;
  bool is_new = true;  // the slice's rows are others than in the pass before
  Slice& slice;
  EventTime watermark;
};

class TableLane {
 public:
  TableLane(const ProgramImpl& program, std::uint32_t table, TableShards& shards,
            TableTouches& touches, EngineStats& stats, BudgetLog& budgets);
  TableLane(const TableLane&) = delete;
  TableLane& operator=(const TableLane&) = delete;

  /// Finds the slots of the resolved rows of these shards, where the rows are new, runs the pass's
  /// operators over them, and fires their timers due at or before the watermark.
  void run(const TablePass& pass, ShardRange range, std::vector<Alert>& alerts);

  /// Counts operators from now on, and measures them while `is_timed`, which outlives the lane.
  void begin_profile(const bool& is_timed) {
    profile_ = std::make_unique<OperatorProfile>(table_.operators.size(), is_timed);
  }
  void end_profile() { profile_.reset(); }
  /// Null before begin_profile().
  const OperatorProfile* profile() const { return profile_.get(); }

  /// The shard that store(), features() and matcher() mean from now on.
  void work_on(TableShard& shard) {
    store_.work_on(shard.keys);
    feature_store_.work_on(shard.windows);
    groups_.work_on(shard.credits);
    matcher_.work_on(shard.tallies);
  }
  RecordStore& store() { return store_; }
  FeatureStore& features() { return feature_store_; }
  Matcher& matcher() { return matcher_; }
  RecordCodec& codec() { return codec_; }
  /// A key is about to change: what the cut has of it is written first.
  void note_change(TableShard& shard, KeySlot& slot) {
    if ((slot.marks & shards_.pending_mark) != 0) write_early(shard, slot);
    slot.marks = (slot.marks | shards_.changed_mark) & 7;
    shard.changes.any_changed = true;
  }
  /// The cut writes the key now, before its turn.
  void write_early(TableShard& shard, KeySlot& slot);
  enum class Written : std::uint8_t { kNothing, kPut, kRemove };
  /// What the cut has of a key, whose value is then in entry().
  Written write_key(TableShard& shard, KeySlot& slot);
  const std::string& entry() const { return entry_; }
  /// A restored key's record takes what it may at most take of its groups' credits.
  void charge_groups(TableShard& shard, const KeySlot& slot);

 private:
  // Reads features at the current row: those of this table and pass in place, others from value
  // columns. By then all of them have taken the row, so that the last value read stays good.
  class Features : public FeatureReader {
   public:
    Features(const ProgramImpl& program, std::uint32_t table);
    void begin(Slice& slice, std::uint32_t pass, const CurrentRow& current) {
      slice_ = &slice;
      pass_ = pass;
      current_ = &current;
      begin_row();
    }
    /// The current row is another one.
    void begin_row() { last_ = kNone; }
    const Value& read(FeatureIndex read) override;

   private:
    static constexpr std::uint32_t kNone = ~std::uint32_t{0};
    const ProgramImpl& program_;
    std::vector<std::uint32_t> pass_in_place_;  // by value: of features of this table; kNone
    std::vector<std::uint32_t> places_;  // by value: of the roles that its column tells apart
    std::vector<bool> own_;              // by value: of this table
    Slice* slice_ = nullptr;
    std::uint32_t pass_ = 0;
    const CurrentRow* current_ = nullptr;
    std::uint32_t last_ = kNone;
    Value value_;
  };

  void begin_slice(const Slice& slice);
  void prefetch_slots(std::uint32_t begin, std::uint32_t end) const;
  void prefetch_rows(std::uint32_t begin, std::uint32_t end, const Slice& slice) const;
  void prefetch_records(std::uint32_t begin, std::uint32_t end) const;
  void fetch_for_timers(const TablePass& pass, ShardRange range);
  void find_slots(std::uint32_t shard, Slice& slice);
  void run_shard(std::uint32_t pass, std::uint32_t shard, Slice& slice, std::vector<Alert>& alerts);
  void run_row(std::uint32_t pass, const MatchContext& context, const SliceKeys::Touch& touch,
               KeySlot* slot);
  void find_operators(std::uint32_t pass, const std::uint64_t* mask, const SliceKeys::Touch& touch,
                      const Slice& slice);
  void begin_plain_rows(std::uint32_t pass, Slice& slice);
  void run_plain_row(std::uint32_t pass, const MatchContext& context, const SliceKeys::Touch& touch,
                     KeySlot* slot);
  void run_operator(std::uint32_t op, const MatchContext& context);
  [[gnu::cold]] void begin_measuring();
  [[gnu::cold]] void measure(std::uint32_t op);
  // Whether a gate has said that the current row is of no use to the operator.
  bool is_closed(std::uint32_t op) const { return (closed_[op / 64] >> (op % 64) & 1) != 0; }
  void open_gates() {
    for (const CountGate* const gate : closing_) {
      for (const CountGate::Operators& of_word : gate->operators) closed_[of_word.word] = 0;
    }
    closing_.clear();
  }
  void ask_gate(const CountGate& gate);
  bool takes(const FeatureProgram& feature, const CurrentRow& current, const Slice& slice);
  void take_into_feature(const FeatureProgram& feature, CurrentRow& current, const Slice& slice);
  void take_into_group(const FeatureGroup& group, const Slice& slice);
  void write_value(const ProbeProgram& probe, const CurrentRow& current, Slice& slice);
  EvalScope feature_scope(const Slice& slice);
  static Value read_feature(const FeatureProgram& feature, const CurrentRow& current,
                            bool under_arguments = false);
  void fire(std::uint32_t pass, TableShard& shard, const MatchContext& context,
            std::int64_t now_us);
  // ---- budgets of key groups (cep/engine/table_budget.cpp)
  void keep_groups_to_budget(std::uint32_t pass, TableShard& shard, const MatchContext& context,
                             const OrderKey& at);
  GroupCredit keep_group_to_budget(const RuleProgram& rule, TableShard& shard, std::uint32_t group,
                                   const OrderKey& at);

  const ProgramImpl& program_;
  const TableProgram& table_;
  TableShards& shards_;
  TableTouches& touches_;
  EngineStats& stats_;
  BudgetLog& budgets_;
  std::vector<std::vector<std::uint64_t>> pass_masks_;  // by pass: its dense operators' bits
  bool has_roles_ = false;                              // some event type's
  RecordStore store_;
  EventCapture capture_;
  FeatureStore feature_store_;
  GroupBudgets groups_;
  std::vector<KeySlot*> released_;  // of which a group's budget dropped partial matches
  Matcher matcher_;
  RecordCodec codec_;
  Features features_;
  PlainRows plain_rows_;
  std::string entry_;                    // of the key that write_key() was given last
  std::vector<std::uint64_t> due_keys_;  // hashes, of fetch_for_timers
  EventLists event_lists_;
  std::unique_ptr<OperatorProfile> profile_;  // null: nothing is measured

  // The slice, shards and row in work.
  std::uint64_t first_version_ = 0;  // of the slice that value_texts_ are of
  TextArena value_texts_;            // that this lane has written to value columns
  std::uint32_t touches_end_ = 0;    // of the range
  SliceKeys::Scratch scratch_;
  CurrentRow current_;
  std::vector<const CountGate*> closing_;  // those that close operators to the row
  std::vector<std::uint64_t> closed_;      // those operators, as bits by op; else 0
  std::vector<std::uint32_t> row_operators_;
};
}  // namespace tocsin::cep
