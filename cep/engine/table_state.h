/// The state and the work of one table: all operators with one key expression. A slice is worked
/// through in two phases:
/// **resolve** makes each row's mask of operators and predicates, leaves out what none can use,
/// finds or makes the key slots of the rest, by shard; **run**, once for each pass, goes through
/// the resolved rows of each shard in order, firing timers before the rows they precede. Slots and
/// records are only given back in **sweep**, after the last pass.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/workers.h"
#include "cep/data/alert.h"
#include "cep/data/state_entry.h"
#include "cep/engine/key_report.h"
#include "cep/engine/profile.h"
#include "cep/engine/shard_sweep.h"
#include "cep/engine/state_shares.h"
#include "cep/engine/table_lane.h"
#include "cep/engine/table_shards.h"
#include "cep/eval/slice.h"
#include "cep/record/budget.h"
#include "cep/record/engine_stats.h"
#include "cep/record/state_cut.h"

namespace tocsin::cep {
class TableState {
 public:
  /// `workers` may be null.
  TableState(const ProgramImpl& program, std::uint32_t table, std::uint64_t hash_seed,
             EngineStats& stats, BudgetLog& budgets, Workers* workers);
  /// From now on rows touch keys of these groups alone.
  void own(KeyGroupRange groups) { touches_.keys.own(groups); }
  /// Whether any of its operators runs in this pass.
  bool has_pass(std::uint32_t pass) const { return has_pass_[pass]; }
  /// Runs the operators of one pass over the slice's rows, which it resolves where they have
  /// changed since the pass before, then fires their timers due at or before `watermark`. Appends
  /// the alerts in no order.
  void run(std::uint32_t pass, Slice& slice, EventTime watermark, std::vector<Alert>& alerts);
  /// The same in parts, which workers do at the same time, and those of other tables too. Gives how
  /// many; 0 where nothing is to be done.
  std::uint32_t begin_run(std::uint32_t pass, Slice& slice, EventTime watermark);
  /// Does one of them. `alerts` are for worker 0; others keep theirs until end_run().
  void run_part(std::uint32_t part, std::uint32_t worker, std::vector<Alert>& alerts);
  /// All parts were done. Called also where there were none.
  void end_run(std::vector<Alert>& alerts);
  /// What its rules hold back by other values than their key.
  DeferredAlerts& deferred() { return matcher_.general().deferred(); }
  /// No timer falls due before; ShardTimers::kNone when there is none.
  std::int64_t next_due_us() const;
  /// Lets go of what is dead at `watermark`, of some of the keys: time goes through all groups of
  /// them in each 64th of the table's longest window, and those are looked at of which a sixteenth
  /// of the keys may have died, or that were left alone for half of the window. Nothing that
  /// anyone sees depends on it: every read of state checks time itself.
  /// `rows`: of the slice after which it is done, by which it is divided among workers.
  void sweep(EventTime watermark, std::size_t rows);
  /// Lets go of all keys: time has ended, nothing comes any more.
  void end();
  std::uint64_t keys() const;
  /// Values other than keys by which `for each` holds something back.
  std::uint64_t values() const { return matcher_.general().deferred().values(); }
  std::uint64_t budget_work() const;
  std::uint64_t layout_work() const;
  /// Predicates of this table that were evaluated for entries of columns.
  std::uint64_t predicate_work() const { return touches_.keys.work(); }
  std::uint64_t timers() const;
  std::size_t bytes() const;

  // ---- for people (cep/engine/table_report.cpp)
  /// Measures its work from now on: operators while `is_timed`, which outlives it.
  void begin_profile(const bool& is_timed);
  void end_profile();
  /// Adds what was measured.
  void add_profile(EngineProfile& out) const;
  /// Adds what is remembered of a key at `now`; at most so many matches of one rule are listed.
  /// Features are read where they are wanted.
  void report(std::string_view key, EventTime now, std::size_t matches_max, bool wants_features,
              KeyReport& out);
  /// Adds what is remembered of each rule, by RuleIndex. Takes time by the table's state.
  void add_totals(EventTime now, std::vector<RuleTotals>& totals);
  friend class KeyScanner;
  friend class TableErasure;
  friend void add_shares(TableState& table, const StateTable& layout, StateShares& shares);

  // ---- its state as entries (cep/engine/table_snapshot.cpp)
  /// From now on keeps account of the keys that change.
  void track_changes() {
    shards_.tracks = true;
    matcher_.general().deferred().track_changes();
  }
  /// What a rule of this table holds back by values, which are no keys of the table.
  ValueSuppression& by_value(RuleIndex rule, bool at_most) {
    return matcher_.general().deferred().by_value(rule, at_most);
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
  using Shard = TableShard;

  // A further lane, and what its work gives, which is taken over when all lanes have ended. Two do
  // not write to one cache line.
  struct alignas(64) OtherLane {
    OtherLane(const ProgramImpl& program, std::uint32_t table, TableShards& shards,
              TableTouches& touches)
        : budgets(program),
          lane(program, table, shards, touches, stats, budgets),
          sweep(program, program.tables[table], shards, lane) {}
    EngineStats stats;
    BudgetLog budgets;
    std::vector<Alert> alerts;
    TableLane lane;
    ShardSweep sweep;
  };
  // Groups of keys of one shard.
  struct DueGroups {
    std::uint32_t shard = 0;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
  };
  static constexpr std::uint32_t kSweepsOfWorker = 4;

  static constexpr std::int64_t kTicksOfLongest = TableShards::kTicksOfLongest;
  bool resolve(std::uint32_t pass, Slice& slice);
  void divide(const TablePass& pass);
  OwnedValue report_feature(const FeatureProgram& feature, const std::byte* record,
                            EventTime now) const;
  void add_strict_totals(const StrictGroup& group, std::byte* record, Offset place, EventTime now,
                         std::vector<RuleTotals>& totals) const;
  void sweep_due(std::int64_t now_us, std::size_t rows);
  void release(Shard& shard, std::byte* record, const OperatorEntry& entry);
  bool forget_strict(const TableTarget& from, std::byte* record, const OperatorEntry& entry);
  bool write_group(std::uint16_t number, Shard& shard, StateSink& sink, Chunk& chunk);
  std::vector<std::string> keys_to_remove(Shard& shard);

  const ProgramImpl& program_;
  const TableProgram& table_;
  std::uint64_t seed_;
  EngineStats& stats_;
  BudgetLog& budgets_;
  TableShards shards_;
  std::int64_t swept_to_ = INT64_MIN;  // the last group that sweep() went through, counted on
                                       // over all rounds
  std::int64_t tallies_swept_ = 0;     // the tick
  std::vector<DueGroups> due_groups_;
  std::vector<bool> has_pass_;
  TableTouches touches_;  // of the slice in work
  // Whatever is not a pass over rows is done by this lane too.
  TableLane lane_;
  ShardSweep sweep_;
  RecordStore& store_ = lane_.store();
  FeatureStore& feature_store_ = lane_.features();
  Matcher& matcher_ = lane_.matcher();
  RecordCodec& codec_ = lane_.codec();
  Workers* workers_;
  // What is measured beside the lanes, of all slices that were.
  struct Measured {
    const bool& is_timed;
    std::uint64_t conditions_ns = 0;
    std::vector<std::uint64_t> rows;    // by predicate
    std::uint64_t counted_version = 0;  // first_version() of the slice that was counted last
  };
  void count_predicates(const Slice& slice);
  std::optional<Measured> measured_;  // nothing: not measured
  std::vector<std::unique_ptr<OtherLane>> others_;
  std::optional<TablePass> work_;   // between begin_run() and end_run()
  std::vector<ShardRange> ranges_;  // of its parts
};
}  // namespace tocsin::cep
