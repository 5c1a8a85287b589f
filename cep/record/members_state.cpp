#include "cep/record/members_state.h"

namespace tocsin::cep {
std::uint64_t MembersState::push_event(const KeptEvent& event, std::uint32_t size) {
  sizes.push(size);
  event_bytes += size;
  return log.push(event);
}

void MembersState::push_entry(std::uint32_t step, MemberEntry entry) {
  by_step[step].push(entry);
  ++entry_count;
}

void MembersState::pop_event() {
  const std::uint64_t number = log.begin();
  for (Ring<MemberEntry>& ring : by_step) {
    if (ring.empty() || ring.front().event != number) continue;
    ring.pop();
    --entry_count;
  }
  if (!starts.empty() && starts.front() == number) starts.pop();
  event_bytes -= sizes.front();
  sizes.pop();
  log.pop();
}

void MembersState::pop_start() {
  pop_event();
  const std::uint64_t next = starts.empty() ? log.end() : starts.front();
  while (log.begin() < next) pop_event();
}

std::size_t MembersState::bytes() const {
  return sizeof(*this) + log.bytes() + sizes.size() * sizeof(std::uint32_t) +
         by_step.capacity() * sizeof(Ring<MemberEntry>) + entry_count * sizeof(MemberEntry) +
         starts.size() * sizeof(std::uint64_t);
}
}  // namespace tocsin::cep
