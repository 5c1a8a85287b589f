/// Computed fields: `= expression` over an event's other fields, lists and tables.
#pragma once
#include <cstdint>

#include "cep/compile/compile.h"
#include "cep/data/batch.h"
#include "cep/record/engine_stats.h"

namespace tocsin::cep {
/// Writes the columns of the computed fields that anything uses, for all rows of the batch; before
/// Engine::advance. Gives how often a result overflowed or was undefined, and so is missing.
std::uint64_t fill_computed(const Program& program, Batch& batch);
}  // namespace tocsin::cep
