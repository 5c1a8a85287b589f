/// One pass of a program over some of the key groups: a part of a job in which each pass is a stage
/// of its own (docs/internals/stages.md).
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/engine/restore_report.h"
#include "cep/engine/state_shares.h"
#include "cep/record/engine_stats.h"
#include "cep/stage/outbox.h"
#include "cep/stage/stage_state.h"
#include "cep/value/group_range.h"
#include "cep/value/time.h"

namespace tocsin::cep {
class StagePass;
template <typename Stage>
class ChangingStage;
/// Together, the parts of all passes and holds and AlertMerge give the alerts of Engine, byte for
/// byte, whatever their number and the order in which blocks come. What all of them need: a
/// watermark is given when all blocks of all stages before have come which were sent up to it.
/// Threading: one caller at a time.
class StageEngine {
 public:
  /// A program by pass (compile_by_pass()) that can be spread (spread_obstacles()); keys of other
  /// groups than `own` are left alone. A pass that the program does not have is idle. `hash_seed`
  /// as for Engine.
  StageEngine(Program program, std::uint32_t pass, KeyGroupRange own, std::uint64_t hash_seed);
  ~StageEngine();
  StageEngine(StageEngine&&) noexcept;
  StageEngine& operator=(StageEngine&&) noexcept;
  /// Takes a block for this pass and part. kCorrupt for bytes that no stage of this program wrote,
  /// or for a row at or before the watermark; the stage is of no use then. kMismatch for a block of
  /// rules that the stage does not have; nothing of it was taken.
  Result<void> put(std::string_view block);
  /// Works on rows and deadlines up to the watermark, in their order, about `rows_max` rows in a
  /// call; true when all are done. Until then further calls give the same watermark, which never
  /// moves back. kEventTimeMax means the end of time. Fails as put() does.
  Result<bool> advance(EventTime watermark, std::size_t rows_max);
  /// Everything from `from` on is of `next`, a program as this one; what comes before, with the
  /// deadlines before it, stays of this one. Blocks of both are taken from now on. When advance()
  /// comes to `from`, state goes over in pieces, as an engine's does whose rules change between two
  /// rows; the next cut then has everything, and a store forgets what it had (StageSink::clear()).
  /// May be called before begin_restore() too, and after it where the state waits for the change.
  /// Errors: those of check_change() and check_change_time() (stage_change.h); nothing has changed.
  Result<void> prepare(Program next, EventTime from);
  /// What became of the stage's rules and features at the last change that took place; once.
  std::optional<RestoreReport> take_report();
  /// A change that the restored state waits for, which is to be prepared; null if there is none.
  const StageChange* awaited() const;
  /// What there is to send: to later passes, to this pass's hold, to alerts.
  StageOutbox& outbox();
  EventTime watermark() const;
  EngineStats stats() const;
  /// Adds who holds stats().state_bytes, about.
  void add_shares(StateShares& shares);
  // ---- its state, as entries by key group (cep/stage/stage_state.h)
  /// From now on keeps account of what changes. Before the first block and begin_restore().
  void track_changes();
  /// Cuts here: the watermark in hand is worked through, what there was to send was taken, and the
  /// cut before is complete.
  void begin_cut();
  /// Gives the cut's next entries to `sink`, at least one, until they have `bytes_max` bytes or
  /// more; true when the cut is complete. No key comes twice in a cut. Between calls the stage may
  /// go on. All cuts, in order, are the whole state.
  bool write_cut(StageSink& sink, std::size_t bytes_max);
  /// The next cut writes everything, for a store that has nothing; one that is open is given up.
  void mark_all_changed();
  /// In a fresh stage: goes on from the heads of those of its groups that have one, by group, and
  /// the layout, which is the same in all. Gives what becomes of the stage's rules and features.
  /// If the state is past a change that was prepared, the stage goes on under the next program at
  /// once. Errors: kCorrupt, kOtherVersion; kInvalidArgument where state would have to move to
  /// another pass, or waits for another change than the one prepared.
  Result<RestoreReport> begin_restore(const std::map<std::uint32_t, std::string>& heads,
                                      std::string_view layout);
  /// Any other entry of its groups, each once, in any order. kCorrupt for what no stage wrote;
  /// kInvalidArgument for rows that wait and were written under another plan; kConflict for rows
  /// that wait for a change that was not prepared.
  Result<void> restore(KeyGroup group, std::string_view key, std::string_view value);
  /// After the last entry. Unless the report says that it is the same program, mark_all_changed()
  /// follows, and a store forgets what it had. kConflict where the state waits for a change that
  /// was not prepared.
  Result<void> finish_restore();
  /// Rows that wait, and their bytes of memory.
  std::size_t waiting() const;
  std::size_t waiting_bytes() const;

 private:
  std::unique_ptr<ChangingStage<StagePass>> impl_;
};
}  // namespace tocsin::cep
