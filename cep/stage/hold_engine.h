/// What a pass's rules hold back by other values than their key (`for each`): decided behind the
/// pass, by rule, over the matches of all keys.
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
class StageHold;
template <typename Stage>
class ChangingStage;
/// Parts divide the rules by the key group of their id. Threading: one caller at a time.
class HoldEngine {
 public:
  /// As StageEngine; `own` are groups of rules. A hold of a pass that has none is idle.
  HoldEngine(Program program, std::uint32_t pass, KeyGroupRange own, std::uint64_t hash_seed);
  ~HoldEngine();
  HoldEngine(HoldEngine&&) noexcept;
  HoldEngine& operator=(HoldEngine&&) noexcept;
  /// As StageEngine has them; `matches_max` is of matches that belong to one rule, key and cause.
  Result<void> put(std::string_view block);
  Result<bool> advance(EventTime watermark, std::size_t matches_max);
  Result<void> prepare(Program next, EventTime from);
  std::optional<RestoreReport> take_report();
  const StageChange* awaited() const;
  StageOutbox& outbox();
  EventTime watermark() const;
  EngineStats stats() const;
  void add_shares(StateShares& shares);
  /// Groups of matches that wait, and their bytes of memory, about.
  std::size_t waiting() const;
  std::size_t waiting_bytes() const;

  // ---- its state, as that of StageEngine; what a rule holds back is of the group of its id
  void track_changes();
  void begin_cut();
  bool write_cut(StageSink& sink, std::size_t bytes_max);
  void mark_all_changed();
  Result<RestoreReport> begin_restore(const std::map<std::uint32_t, std::string>& heads,
                                      std::string_view layout);
  Result<void> restore(KeyGroup group, std::string_view key, std::string_view value);
  Result<void> finish_restore();

 private:
  std::unique_ptr<ChangingStage<StageHold>> impl_;
};
}  // namespace tocsin::cep
