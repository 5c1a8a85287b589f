/// The front of a job in stages: rows of events, in order, to the passes that want them.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/data/batch.h"
#include "cep/stage/outbox.h"
#include "cep/stage/stage_sender.h"

namespace tocsin::cep {
/// Threading: one caller at a time.
class StageSource {
 public:
  /// A program by pass (compile_by_pass()) that can be spread (spread_obstacles()).
  StageSource(Program program, std::uint64_t hash_seed);
  /// Rows as Engine::advance() takes them. No two events have one time and arrival number.
  void put(const Batch& slice);
  StageOutbox& outbox() { return sender_.outbox(); }

 private:
  Program program_;
  StageSender sender_;
  std::vector<RowPlace> places_;
};
}  // namespace tocsin::cep
