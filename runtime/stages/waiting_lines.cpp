#include "runtime/stages/waiting_lines.h"

#include "cep/base/byte_codec.h"

namespace tocsin::runtime {
void WaitingLines::add(const Place& place, cep::KeyGroup group, std::string_view message,
                       bool is_stored) {
  // Memory that a slot's line before has left is used again, unless it is unusually large.
  constexpr std::size_t kBytesKept = 4'096;
  Waiting& waiting = lines_.add(place);
  if (waiting.message.capacity() > kBytesKept) waiting.message = {};
  waiting.message = message;
  waiting.group = group;
  waiting.is_stored = is_stored;
  bytes_ += message.size();
}

bool WaitingLines::take_first(std::string& message) {
  const Place place = lines_.first();
  Waiting& waiting = lines_.first_item();
  bytes_ -= waiting.message.size();
  if (waiting.is_stored) gone_.emplace_back(waiting.group, key_of(place));
  std::swap(message, waiting.message);
  lines_.pop();
  return lines_.empty() || lines_.first() != place;
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
  lines_.each_by_run([&](const Place& place, Waiting& waiting) {
    if (std::exchange(waiting.is_stored, true)) return;
    cut.put(waiting.group, key_of(place), waiting.message);
  });
}

void WaitingLines::mark_all_changed() {
  gone_.clear();
  lines_.each_by_run([](const Place&, Waiting& waiting) { waiting.is_stored = false; });
}
}  // namespace tocsin::runtime
