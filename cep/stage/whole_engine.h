/// A program that cannot be spread (spread_obstacles()), as the one part of the only pass of a job:
/// an engine behind blocks.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/engine/restore_report.h"
#include "cep/engine/state_shares.h"
#include "cep/record/engine_stats.h"
#include "cep/stage/outbox.h"
#include "cep/stage/stage_state.h"
#include "cep/value/time.h"

namespace tocsin::cep {
class WholeEngineImpl;
/// Behind a StageSource that sends to one part, before an AlertMerge. Its rules do not change while
/// the job runs. Threading: one caller at a time.
class WholeEngine {
 public:
  /// A program by pass (compile_by_pass()), of any kind. `hash_seed` as for Engine.
  WholeEngine(const Program& program, std::uint64_t hash_seed);
  ~WholeEngine();
  WholeEngine(WholeEngine&&) noexcept;
  WholeEngine& operator=(WholeEngine&&) noexcept;
  /// As StageEngine has them.
  Result<void> put(std::string_view block);
  Result<bool> advance(EventTime watermark, std::size_t rows_max);
  StageOutbox& outbox();
  EventTime watermark() const;
  EngineStats stats() const;
  /// Of rules alone, what their partial matches hold.
  void add_shares(StateShares& shares);
  std::size_t waiting() const;
  std::size_t waiting_bytes() const;

  // ---- its state, as that of StageEngine; key group 0 has what belongs to no key
  void track_changes();
  void begin_cut();
  bool write_cut(StageSink& sink, std::size_t bytes_max);
  void mark_all_changed();
  Result<RestoreReport> begin_restore(const std::map<std::uint32_t, std::string>& heads,
                                      std::string_view layout);
  Result<void> restore(KeyGroup group, std::string_view key, std::string_view value);
  Result<void> finish_restore();

 private:
  std::unique_ptr<WholeEngineImpl> impl_;
};
}  // namespace tocsin::cep
