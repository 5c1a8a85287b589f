#include "cep/stage/stage_source.h"

#include <utility>

namespace tocsin::cep {
StageSource::StageSource(Program program, std::uint64_t hash_seed)
    : program_(std::move(program)), sender_(program_.impl(), 0, hash_seed) {}

void StageSource::put(const Batch& slice) {
  places_.clear();
  for (const Row& row : slice.rows) {
    places_.push_back({order_at_event(row.engine_time, row.arrival), false, row.type});
  }
  sender_.send_rows(slice, places_);
}
}  // namespace tocsin::cep
