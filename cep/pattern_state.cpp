#include "cep/pattern_state.h"

#include "cep/base/assert.h"

namespace tocsin::cep {
Offset PatternState::cut(std::size_t count) {
  const std::size_t offset = words.size();
  TOCSIN_ASSERT(offset + count <= std::numeric_limits<Offset>::max(),
                "one rule's state of one key stays below 32 GiB");
  words.resize(offset + count);
  return static_cast<Offset>(offset);
}

std::size_t PatternState::bytes() const {
  return sizeof(*this) + words.capacity() * 8 + runs.capacity() * sizeof(PatternRun) +
         counters.capacity() * 4 + waiting.capacity() * sizeof(CompleteMatch) +
         suppression.recent.capacity() * 8 +
         suppression.taken.capacity() * sizeof(SuppressionState::Taken);
}

std::uint32_t PatternPool::make() {
  std::uint32_t handle = 0;
  if (free_.empty()) {
    states_.emplace_back();
    handle = static_cast<std::uint32_t>(states_.size());
  } else {
    handle = free_.back();
    free_.pop_back();
  }
  states_[handle - 1] = std::make_unique<PatternState>();
  count(*states_[handle - 1]);
  return handle;
}

void PatternPool::free(std::uint32_t handle) {
  bytes_ -= states_[handle - 1]->bytes_counted;
  states_[handle - 1].reset();
  free_.push_back(handle);
  if (free_.size() == states_.size()) {
    std::vector<std::unique_ptr<PatternState>>().swap(states_);
    std::vector<std::uint32_t>().swap(free_);
  }
}

void PatternPool::count(PatternState& state) {
  bytes_ -= state.bytes_counted;
  state.bytes_counted = state.bytes();
  bytes_ += state.bytes_counted;
}
}  // namespace tocsin::cep
