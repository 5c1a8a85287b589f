#include "runtime/stages/waiting_lines.h"

#include "cep/base/byte_codec.h"

namespace tocsin::runtime {
bool WaitingLines::add(const Place& place, cep::KeyGroup group, std::string message,
                       bool is_stored) {
  // What comes is often the newest.
  const std::size_t before = lines_.size();
  const auto at = lines_.try_emplace(lines_.end(), place);
  if (lines_.size() == before) return false;
  at->second = {std::move(message), group, is_stored};
  bytes_ += bytes_of(at->second);
  return true;
}

std::string WaitingLines::take_first() {
  const auto first = lines_.begin();
  Waiting& waiting = first->second;
  bytes_ -= bytes_of(waiting);
  if (waiting.is_stored) gone_.emplace_back(waiting.group, key_of(first->first));
  std::string message = std::move(waiting.message);
  lines_.erase(first);
  return message;
}

std::string WaitingLines::key_of(const Place& place) {
  std::string key;
  ByteWriter to(key);
  to.i64(place.time.us);
  to.u64(place.arrival.record);
  to.u32(place.arrival.index);
  return front_key(FrontEntry::kLine, key);
}

void WaitingLines::cut(FrontCut& cut) {
  for (auto& [group, key] : gone_) cut.remove(group, std::move(key));
  gone_.clear();
  for (auto& [place, waiting] : lines_) {
    if (std::exchange(waiting.is_stored, true)) continue;
    cut.put(waiting.group, key_of(place), waiting.message);
  }
}

void WaitingLines::mark_all_changed() {
  gone_.clear();
  for (auto& [place, waiting] : lines_) waiting.is_stored = false;
}

std::size_t WaitingLines::bytes_of(const Waiting& waiting) {
  constexpr std::size_t kNode = 4 * sizeof(void*) + sizeof(std::pair<const Place, Waiting>);
  return kNode + waiting.message.size();
}
}  // namespace tocsin::runtime
