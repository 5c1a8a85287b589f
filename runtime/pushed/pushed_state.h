/// The state of a pushed run as entries of a map by key group.
///
///   key                       value
///   u8 0                      head: 'R', u8 format, u32 semantics, v counts, rules and sources
///   u8 1                      the engine's globals (decision 11)
///   u8 2, u16 table, key      the engine's entry of the key, under the key's group
///   u8 3, u32 number          a part of the intake's state (runtime/event_time/intake_state.cpp)
///
/// All but the third are under key group 0. Numbers in keys are big endian.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "cep/stage/stage_state.h"
#include "cep/value/key.h"
#include "runtime/event_time/intake.h"
#include "runtime/event_time/run_options.h"

namespace tocsin::runtime {
/// What of a run is in neither its engine nor its intake.
struct PushedHead {
  struct Source {
    std::uint64_t lines = 0;
    bool has_ended = false;
  };
  std::uint64_t values_missing = 0;  // of computed fields
  std::vector<Source> sources;
};

/// The cut that is being written, or the entries that a run goes on from. Threading: one caller at
/// a time, that of the run.
class PushedState {
 public:
  /// The engine and the intake of a run that has taken nothing, and its counts: they outlive it.
  PushedState(const cep::Plan& plan, cep::Engine& engine, Intake& intake, RunSummary& summary);
  /// As PushedRun has them.
  void begin_cut(const PushedHead& head);
  bool write_cut(cep::StageSink& sink, std::size_t bytes_max);
  void mark_all_changed();
  Result<cep::RestoreReport> begin_restore(std::string_view head, std::string_view engine);
  Result<void> restore(cep::KeyGroup group, std::string_view key, std::string_view value);
  /// Gives what was in the head.
  Result<PushedHead> finish_restore();

 private:
  std::string head_of(const PushedHead& head) const;
  Result<void> read_head(std::string_view bytes);
  std::size_t write_inputs(cep::StageSink& sink, std::size_t bytes_max);

  const cep::Plan& plan_;
  cep::Engine& engine_;
  Intake& intake_;
  RunSummary& summary_;
  // The cut in hand.
  enum class Part : std::uint8_t { kNone, kInputs, kKeys };
  Part part_ = Part::kNone;
  std::string head_;
  std::string globals_;
  std::uint32_t next_input_ = 0;     // the part of the intake's state that is written next
  std::uint32_t inputs_stored_ = 0;  // parts that a store has
  // While it is restored.
  PushedHead read_;
  std::map<std::uint32_t, std::string> inputs_;
};
}  // namespace tocsin::runtime
