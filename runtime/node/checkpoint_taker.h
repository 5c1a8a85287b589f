/// A checkpoint on its way, in the engine's thread: the cut, chunks at the ends of slices, and the
/// wait for journal and effects before it may count.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "cep/engine/engine.h"
#include "runtime/checkpoint/checkpoint_writer.h"
#include "runtime/effects/effect_queue.h"
#include "runtime/event_time/intake.h"
#include "runtime/node/archive_keeper.h"
#include "runtime/node/node_log.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class CheckpointTaker {
 public:
  /// All must outlive it. `chunk_bytes`: how much state is encoded at once.
  CheckpointTaker(cep::Engine& engine, Intake& intake, CheckpointWriter& writer, NodeLog& log,
                  ArchiveKeeper& archive, EffectQueue& queue, std::size_t chunk_bytes);
  /// One was begun and is neither on disk nor failed.
  bool is_taking() const { return stage_ != Stage::kNone; }
  /// Cuts the state here, between two records; `meta` is complete but for the engine's globals and
  /// the intake. Requires that none is being taken.
  void cut(CheckpointMeta meta);
  /// From here on it is the state of these, of which the next one writes everything. Requires that
  /// abandon() came before.
  void use(cep::Engine& engine, Intake& intake);
  /// The next one writes everything.
  void want_all() { wants_all_ = true; }
  /// Encodes a little, where there is something to encode.
  void chunk();
  /// Goes on where the journal, the effects or the writer have come far enough; lets the journal go
  /// of what no checkpoint needs once there is a new one.
  void poll();
  /// All is encoded: only others are waited for.
  bool is_encoded() const { return stage_ > Stage::kIntake; }
  /// Gives up one that is not yet encoded, or still waits for its effects.
  void abandon();

  std::uint64_t made() const { return made_; }
  /// Why the last one failed; empty when it went well.
  const std::string& failure() const { return failure_; }

 private:
  enum class Stage : std::uint8_t { kNone, kEncoding, kIntake, kWaiting, kWriting };
  cep::Engine* engine_;
  Intake* intake_;
  CheckpointWriter& writer_;
  NodeLog& log_;
  ArchiveKeeper& archive_;
  EffectQueue& queue_;
  std::size_t chunk_bytes_;
  Stage stage_ = Stage::kNone;
  std::string intake_bytes_;    // of the cut, as far as they are written
  std::uint64_t position_ = 0;  // of the cut
  std::uint64_t pushes_ = 0;    // of effects until the cut
  bool wants_all_ = false;
  std::uint64_t made_ = 0;
  std::string failure_;
};
}  // namespace tocsin::runtime
