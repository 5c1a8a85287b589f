/// Entries of a cut that were written before their turn, because what they hold was about to
/// change.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cep/data/state_entry.h"

namespace tocsin::cep {
/// What a chunk has left; every entry takes something of it, also one that turns out to be none.
class Chunk {
 public:
  explicit Chunk(std::size_t bytes) : left_(std::max<std::size_t>(bytes, 1)) {}
  bool is_over() const { return left_ == 0; }
  void take(std::size_t bytes) {
    constexpr std::size_t kLeast = 16;
    left_ -= std::min(left_, std::max(bytes, kLeast));
  }

 private:
  std::size_t left_;
};

class EarlyEntries {
 public:
  bool empty() const { return bytes_.empty(); }
  void put(std::string_view key, std::string_view value) { add(true, key, value); }
  void remove(std::string_view key) { add(false, key, {}); }
  /// Gives the next ones to `sink` under table number `number`; true, and forgets them, when there
  /// are no more.
  bool give(std::uint16_t number, StateSink& sink, Chunk& chunk);

 private:
  void add(bool is_put, std::string_view key, std::string_view value);

  std::string bytes_;
  std::size_t next_ = 0;
};
}  // namespace tocsin::cep
