#include "cep/record/event_log.h"

#include <algorithm>
#include <cstring>

namespace tocsin::cep {
namespace {
constexpr std::uint32_t kChunkWords = 1'024;
}  // namespace

std::uint64_t EventLog::push(const KeptEvent& event) {
  if (chunks_.empty() || chunks_.back().size - chunks_.back().used < event.words) {
    Chunk chunk;
    chunk.size = std::max(kChunkWords, event.words);
    chunk.words = std::make_unique<std::uint64_t[]>(chunk.size);
    bytes_ += sizeof(Chunk) + std::size_t{chunk.size} * 8;
    chunks_.push_back(std::move(chunk));
  }
  Chunk& chunk = chunks_.back();
  std::uint64_t* const place = chunk.words.get() + chunk.used;
  std::memcpy(place, &event, std::size_t{event.words} * 8);
  chunk.used += event.words;
  events_.push(reinterpret_cast<const KeptEvent*>(place));
  chunk.end = events_.end();
  return chunk.end - 1;
}

void EventLog::pop() {
  events_.pop();
  if (chunks_.front().end > events_.begin()) return;
  bytes_ -= sizeof(Chunk) + std::size_t{chunks_.front().size} * 8;
  chunks_.pop_front();
}
}  // namespace tocsin::cep
