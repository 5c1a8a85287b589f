#include "cep/record/state_cut.h"

#include <cstring>

#include "cep/value/key.h"

namespace tocsin::cep {
namespace {
struct Head {
  std::uint32_t is_put = 0;
  std::uint32_t key_size = 0;
  std::uint64_t value_size = 0;
};
}  // namespace

void EarlyEntries::add(bool is_put, std::string_view key, std::string_view value) {
  Head head;
  head.is_put = is_put ? 1 : 0;
  head.key_size = static_cast<std::uint32_t>(key.size());
  head.value_size = value.size();
  bytes_.append(reinterpret_cast<const char*>(&head), sizeof(head));
  bytes_.append(key);
  bytes_.append(value);
}

bool EarlyEntries::give(std::uint16_t number, StateSink& sink, Chunk& chunk) {
  while (next_ < bytes_.size()) {
    if (chunk.is_over()) return false;
    Head head;
    std::memcpy(&head, bytes_.data() + next_, sizeof(head));
    next_ += sizeof(head);
    const std::string_view rest = std::string_view(bytes_).substr(next_);
    const std::string_view bytes = rest.substr(0, head.key_size);
    const StateKey key{number, key_group(bytes), bytes};
    if (head.is_put != 0) {
      sink.put(key, rest.substr(head.key_size, head.value_size));
    } else {
      sink.remove(key);
    }
    chunk.take(head.key_size + head.value_size);
    next_ += head.key_size + head.value_size;
  }
  bytes_ = {};
  next_ = 0;
  return true;
}
}  // namespace tocsin::cep
