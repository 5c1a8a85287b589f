/// The state of an engine as that of the stages of a job, and the other way round. Entries are the
/// same bytes; who goes on from them finds what is whose by digests (cep/engine/state_targets.h).
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/data/state_entry.h"
#include "cep/record/state_layout.h"
#include "cep/stage/open_time.h"
#include "cep/stage/outbox.h"
#include "cep/stage/stage_state.h"
#include "cep/value/key.h"

namespace tocsin::cep {
/// What Engine::begin_snapshot() gives, in its parts.
struct EngineGlobals {
  std::string layout;
  GivenAt given;        // with the watermark
  std::string budgets;  // which hours have had their alert of a budget
};
/// The counts of an engine begin at 0 again.
std::string write_globals(const EngineGlobals& globals);
/// Fails with kCorrupt, kOtherVersion.
Result<EngineGlobals> read_globals(std::string_view bytes);

/// Divides the state of an engine. Nothing is kept of its entries. Threading: one caller at a time.
class StagesOfEngine {
 public:
  using Put =
      std::function<Result<void>(StageEdge, KeyGroup, std::string_view key, std::string_view)>;
  /// `program` is of the same rules, by pass; one that cannot be spread becomes one part.
  /// `globals`: of the engine. Fails as read_globals(); with kLimit where more alerts were given at
  /// the last time than every group can be told of, kConflict once time has ended.
  static Result<StagesOfEngine> make(const Program& program, std::string_view globals);
  /// Gives what is no entry of the engine: to each stage that the job has.
  Result<void> begin(const Put& put) const;
  /// Gives an entry to the stages that go on with something of it.
  Result<void> put(const StateKey& key, std::string_view value, const Put& put) const;
  GroupTime time() const { return time_; }

 private:
  StagesOfEngine(Program program, std::string globals)
      : program_(std::move(program)), globals_(std::move(globals)) {}
  Result<void> begin_part(StageEdge to, StageEntry holds, KeyGroupRange groups,
                          const std::string& head, const Put& put) const;

  Program program_;
  std::string globals_;
  EngineGlobals parts_;
  GroupTime time_;
  bool is_whole_ = false;
  std::size_t tables_ = 0;  // of the engine; those by value follow
  // By the engine's table: the passes that go on with something of it.
  std::vector<std::vector<std::uint32_t>> passes_;
  // By its clause: where the hold is, and the group of the rule. Nothing of rules that are gone.
  std::vector<std::optional<std::pair<std::uint32_t, KeyGroup>>> holds_;
};

/// Collects what the stages of a job keep beside entries, and makes an engine's globals of it.
/// Threading: one caller at a time.
class EngineOfStages {
 public:
  /// Every entry of the job's passes, holds and alerts, in any order. Fails with kCorrupt,
  /// kOtherVersion, and with kConflict for what an engine has no place for: what waits.
  Result<void> collect(StageEdge stage, KeyGroup group, std::string_view key,
                       std::string_view value);
  /// All was collected. Fails with kCorrupt where something is missing, with kConflict where parts
  /// have come to different times.
  Result<void> finish();
  /// After finish().
  const std::string& globals() const { return globals_; }
  const Digest& plan() const { return plan_; }
  GroupTime time() const { return time_; }
  /// After finish(): where an engine keeps an entry; nothing for others.
  std::optional<StateKey> key_of(StageEdge stage, KeyGroup group, std::string_view key) const;

 private:
  struct Stage {
    std::map<std::uint32_t, GroupTime> times;  // by group
    std::string layout;
  };
  Result<void> take_head(Stage& stage, StageEdge edge, KeyGroup group, std::string_view value);

  std::map<StageEdge, Stage> stages_;
  GivenAt given_;
  std::string budgets_;
  std::string whole_;  // the globals of a program in one part
  std::string globals_;
  Digest plan_{};
  GroupTime time_{kEventTimeMin, false};
  std::size_t tables_ = 0;
};
/// As messages name a stage: "pass 0", "hold 1", "alerts".
std::string stage_name(StageEdge edge);
}  // namespace tocsin::cep
