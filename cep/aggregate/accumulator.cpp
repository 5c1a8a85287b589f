#include "cep/aggregate/accumulator.h"

#include "cep/base/assert.h"
#include "cep/plan/feature.h"

namespace tocsin::cep {
bool Accumulator::remove(std::uint64_t, Word, std::uint64_t) {
  TOCSIN_ASSERT(false, "windows that slide have accumulators that do");
}
void Accumulator::add_pane(std::uint64_t, const Accumulator&) {
  TOCSIN_ASSERT(false, "only totals that cannot remove a pane are made afresh");
}
bool Accumulator::is_between(std::uint64_t, std::uint64_t) const {
  TOCSIN_ASSERT(false, "only totals that are saved say of which panes they are");
}
bool Accumulator::remove_pane(std::uint64_t, const Accumulator&, std::uint64_t) {
  TOCSIN_ASSERT(false, "panes have totals that remove them");
}
}  // namespace tocsin::cep
