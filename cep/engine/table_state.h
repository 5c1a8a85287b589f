/// The state and the work of one table: all operators with one key expression. A slice is worked
/// through in two phases:
/// **resolve** makes each row's mask of operators and predicates, leaves out what none can use,
/// finds or makes the key slots of the rest, by shard; **run**, once for each pass, goes through
/// the resolved rows of each shard in order, firing timers before the rows they precede. Slots and
/// records are only given back in **sweep**, after the last pass.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cep/data/alert.h"
#include "cep/data/state_entry.h"
#include "cep/engine/key_report.h"
#include "cep/engine/slice_keys.h"
#include "cep/engine/state_record.h"
#include "cep/eval/slice.h"
#include "cep/match/feature_store.h"
#include "cep/match/matcher.h"
#include "cep/plan/event_type.h"
#include "cep/record/budget.h"
#include "cep/record/key_record.h"
#include "cep/record/key_table.h"
#include "cep/record/state_cut.h"
#include "cep/record/timers.h"

namespace tocsin::cep {
class TableState {
 public:
  TableState(const ProgramImpl& program, std::uint32_t table, std::uint64_t hash_seed,
             EngineStats& stats, BudgetLog& budgets);
  /// Runs the operators of one pass over the slice's rows, which it resolves where they have
  /// changed since the pass before, then fires their timers due at or before `watermark`.
  /// Whether any of its operators runs in this pass.
  bool has_pass(std::uint32_t pass) const { return has_pass_[pass]; }
  void run(std::uint32_t pass, Slice& slice, EventTime watermark, std::vector<Alert>& alerts);
  /// PatternMatcher::settle() and first_unsettled().
  void settle(std::vector<Alert>& alerts, const OrderKey* upto = nullptr) {
    matcher_.general().settle(alerts, upto);
  }
  const OrderKey* first_unsettled() const { return matcher_.general().first_unsettled(); }
  /// No timer falls due before; ShardTimers::kNone when there is none.
  std::int64_t next_due_us() const;
  /// Lets go of what is dead at `watermark`, of some of the keys: time goes through all of them in
  /// rounds, each a quarter of the table's longest window. Nothing that anyone sees depends on it:
  /// every read of state checks time itself.
  void sweep(EventTime watermark);
  /// Lets go of all keys: time has ended, nothing comes any more.
  void end();
  std::uint64_t keys() const;
  /// Values other than keys by which `for each` holds something back.
  std::uint64_t values() const { return matcher_.general().values(); }
  std::uint64_t budget_work() const { return matcher_.budget_work(); }
  std::uint64_t layout_work() const { return store_.layout_work(); }
  /// Predicates of this table that were evaluated for entries of columns.
  std::uint64_t predicate_work() const { return slice_keys_.work(); }
  std::uint64_t timers() const;
  std::size_t bytes() const;

  // ---- for people (cep/engine/table_report.cpp)
  /// Adds what is remembered of a key at `now`; at most so many matches of one rule are listed.
  void report(std::string_view key, EventTime now, std::size_t matches_max, KeyReport& out);
  /// Adds what is remembered of each rule, by RuleIndex. Takes time by the table's state.
  void add_totals(EventTime now, std::vector<RuleTotals>& totals);

  // ---- its state as entries (cep/engine/table_snapshot.cpp)
  /// From now on keeps account of the keys that change.
  void track_changes() {
    tracks_ = true;
    matcher_.general().track_changes();
  }
  /// What a rule of this table holds back by values, which are no keys of the table.
  ValueSuppression& by_value(RuleIndex rule, bool at_most) {
    return matcher_.general().by_value(rule, at_most);
  }
  /// All keys that have changed are of this cut. Requires that the cut before is complete.
  void begin_cut();
  /// Gives the cut's next entries of a shard to `sink` under table number `number`, until the chunk
  /// is over; true when there are no more.
  bool write_cut(std::uint16_t number, std::uint32_t shard, StateSink& sink, Chunk& chunk);
  /// All keys have changed, and there is no cut.
  void mark_all_changed();
  /// Takes an entry, as of `watermark`. False for bytes that are none, or that came before.
  bool restore(const TableTarget& from, std::string_view key, std::string_view value,
               EventTime watermark);
  /// Forgets what restore() made of the key's entry, where there was one.
  void forget(const TableTarget& from, std::string_view key);
  /// Sets the deadlines of what was restored in the shard since the last time.
  void settle_restored(std::uint32_t shard);

 private:
  static constexpr std::int64_t kTicksOfLongest = 16;
  // The slots of keys that have changed since the last cut are marked, and those of the cut that
  // are not written yet, which write_cut() finds by going through the slots. A key that has gone
  // keeps its slot until its entry was removed.
  struct Changes {
    bool any_changed = false;
    bool any_pending = false;
    // Where write_cut() is: the slots of a group before `place` are done, unless they have moved.
    std::uint32_t group = 0;
    std::uint32_t place = 0;
    std::uint64_t generation = 0;
    EarlyEntries early;
  };
  struct Shard {
    explicit Shard(std::uint64_t seed) : windows(seed) {}
    KeyShard keys;
    WindowPool windows;
    std::vector<ShardTimers> timers;  // by pass
    PatternPool patterns;
    SparseArray<GroupCredit> credits;
    Changes changes;
    std::vector<RestoredTimer> restored;
  };
  // Reads features at the current row: those of this table and pass in place, others from value
  // columns. By then all of them have taken the row, so that the last value read stays good.
  class Features : public FeatureReader {
   public:
    Features(const ProgramImpl& program, std::uint32_t table);
    void begin(Slice& slice, std::uint32_t pass, const CurrentRow& current) {
      slice_ = &slice;
      pass_ = pass;
      current_ = &current;
      last_ = kNone;
    }
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

  void resolve(std::uint32_t pass, Slice& slice);
  void prefetch_slots(std::uint32_t begin, std::uint32_t end) const;
  void prefetch_rows(std::uint32_t begin, std::uint32_t end, const Slice& slice) const;
  void prefetch_records(std::uint32_t begin, std::uint32_t end, const Slice& slice) const;
  OwnedValue report_feature(const FeatureProgram& feature, const std::byte* record,
                            const WindowPool& windows, EventTime now) const;
  void add_strict_totals(const StrictGroup& group, std::byte* record, Offset place, EventTime now,
                         std::vector<RuleTotals>& totals) const;
  // ---- budgets of key groups (cep/engine/table_budget.cpp)
  void keep_groups_to_budget(Shard& shard, const Row& row);
  void charge_groups(Shard& shard, const KeySlot& slot);
  GroupCredit keep_group_to_budget(const RuleProgram& rule, Shard& shard, std::uint32_t group,
                                   const Row& row);
  void fetch_for_timers(std::uint32_t pass, EventTime watermark);
  std::int64_t tick_of(std::int64_t us) const;
  bool is_left_alone(const KeySlot& slot, std::int64_t tick, std::int64_t round) const;
  void fetch_records(Shard& shard, std::uint64_t hash) const;
  void find_slots(std::uint32_t shard, Slice& slice);
  void work_on(Shard& shard) {
    store_.work_on(shard.keys);
    feature_store_.work_on(shard.windows);
    groups_.work_on(shard.credits);
  }
  void run_shard(std::uint32_t pass, std::uint32_t shard, Slice& slice, std::vector<Alert>& alerts);
  void run_row(std::uint32_t pass, const MatchContext& context, const SliceKeys::Touch& touch,
               KeySlot* slot);
  void find_operators(std::uint32_t pass, const std::uint64_t* mask, const SliceKeys::Touch& touch,
                      const Slice& slice);
  void run_operator(std::uint32_t op, const MatchContext& context);
  // Whether a gate has said that the current row is of no use to the operator.
  bool is_closed(std::uint32_t op) const {
    return !closing_.empty() && (closed_[op / 64] >> (op % 64) & 1) != 0;
  }
  void open_gates() {
    for (const CountGate* const gate : closing_) {
      for (const std::uint32_t op : gate->operators) closed_[op / 64] = 0;
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
  void fire(std::uint32_t pass, Shard& shard, const MatchContext& context, std::int64_t now_us);
  void sweep_groups(std::uint32_t shard, std::uint32_t begin, std::uint32_t end,
                    std::int64_t now_us, std::int64_t round);
  void look_at_key(Shard& shard, std::uint64_t hash, std::int64_t now_us);
  // A key is about to change: what the cut has of it is written first.
  void note_change(Shard& shard, KeySlot& slot) {
    if ((slot.marks & pending_mark_) != 0) write_early(shard, slot);
    slot.marks |= changed_mark_;
    shard.changes.any_changed = true;
  }
  void write_early(Shard& shard, KeySlot& slot);
  void release(Shard& shard, std::byte* record, const OperatorEntry& entry);
  enum class Written : std::uint8_t { kNothing, kPut, kRemove };
  Written write_key(Shard& shard, KeySlot& slot);
  bool write_group(std::uint16_t number, Shard& shard, StateSink& sink, Chunk& chunk);
  std::vector<std::string> keys_to_remove(Shard& shard);

  const ProgramImpl& program_;
  const TableProgram& table_;
  std::uint64_t seed_;
  EngineStats& stats_;
  std::int64_t tick_us_;
  std::vector<std::unique_ptr<Shard>> shards_;
  // By pass, then shard: when its first timer falls due, so that most shards are skipped.
  std::vector<std::array<std::int64_t, kShardCount>> next_due_;
  std::vector<bool> has_timers_;                        // by pass
  std::vector<std::uint64_t> due_keys_;                 // hashes, of fetch_for_timers
  std::int64_t swept_to_ = INT64_MIN;                   // the last group that sweep() went through,
                                                        // counted on over all rounds
  std::int64_t tallies_swept_ = 0;                      // the tick
  std::vector<std::uint64_t> sweep_keys_;               // hashes, of sweep_groups
  std::vector<std::vector<std::uint64_t>> pass_masks_;  // by pass: its dense operators' bits
  std::vector<bool> has_pass_;
  std::vector<std::uint32_t> queue_of_op_;  // by op - 1: its timers' queue
  RecordStore store_;
  FeatureStore feature_store_;
  GroupBudgets groups_;
  BudgetLog& budgets_;
  Matcher matcher_;
  RecordCodec codec_;
  bool tracks_ = false;
  std::uint16_t changed_mark_ : 3 = 1;
  std::uint16_t pending_mark_ : 3 = 2;
  std::string entry_;  // the one in hand
  CurrentRow current_;
  Features features_;

  // The slice in work.
  SliceKeys slice_keys_;
  std::uint16_t tick_ = 0;                    // of its last row
  std::vector<KeySlot*> slots_;               // by touch
  std::vector<std::uint32_t> row_operators_;  // of the row in hand
  std::vector<const CountGate*> closing_;     // likewise: those that close operators
  std::vector<std::uint64_t> closed_;         // those operators, as bits by op
  // By touch: where the record lay when its slot was found, to fetch it; it may have moved since.
  std::vector<const std::byte*> record_hints_;
};
}  // namespace tocsin::cep
