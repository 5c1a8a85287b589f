#include "cep/record/paths_state.h"

namespace tocsin::cep {
std::uint64_t PathsState::push_event(const KeptEvent& event, std::uint32_t size) {
  sizes.push(size);
  event_bytes += size;
  return log.push(event);
}

void PathsState::pop_event() {
  event_bytes -= sizes.front();
  sizes.pop();
  log.pop();
}

std::size_t PathsState::bytes() const {
  return sizeof(*this) + log.bytes() + places.size() * sizeof(PathRing) +
         entry_count * sizeof(PathEntry) + starts.size() * sizeof(std::uint64_t) +
         sizes.size() * sizeof(std::uint32_t);
}
}  // namespace tocsin::cep
