/// Pieces of state on their way to a store: appended by the engine's thread at the cost of a copy,
/// put in order by another.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "cep/data/state_entry.h"
#include "runtime/store/state_store.h"

namespace tocsin::runtime {
/// Entries in the order in which they came. Nothing moves when it grows, so that an append never
/// costs more than its own bytes. Threading: one at a time.
class StateBuffer {
 public:
  void put(const cep::StateKey& key, std::string_view value);
  void remove(const cep::StateKey& key);
  std::uint64_t entries() const { return entries_; }
  /// Of keys and values.
  std::size_t bytes() const { return bytes_; }
  bool empty() const { return entries_ == 0; }
  /// Takes over what `later`, of the same shard, has, as if it had come to this one.
  void append(StateBuffer later);

 private:
  friend class SortedState;
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t used = 0;
  };
  char* add(const cep::StateKey& key, std::size_t value_bytes, bool is_removed);
  // Entry: bytes of the store key u32 | bytes of the value u32, kRemoved for a removal | both.
  std::vector<Block> blocks_;
  std::size_t room_ = 0;  // in the last block
  std::uint64_t entries_ = 0;
  std::size_t bytes_ = 0;
};

/// The entries of several shards by store key; of several for one key the last that was put into
/// its buffer.
class SortedState {
 public:
  /// Each buffer has the entries of one shard, no two the same one: their key groups follow one
  /// another, so that it is enough to put each of them in order, which its cache can hold.
  explicit SortedState(std::vector<StateBuffer> buffers);
  ~SortedState();
  SortedState(const SortedState&) = delete;
  SortedState& operator=(const SortedState&) = delete;
  struct TableRun {
    std::uint64_t table = 0;
    std::unique_ptr<StateRun> run;
  };
  /// One run of all entries.
  std::unique_ptr<StateRun> whole() const;
  /// One run for each table that has entries.
  std::vector<TableRun> by_table() const;

 private:
  struct Place;
  class Run;
  using Part = std::vector<Place>;  // of one shard
  struct Stretch {                  // of one table and shard
    std::uint64_t table = 0;
    const Place* begin = nullptr;
    const Place* end = nullptr;
  };
  static Part sorted(const StateBuffer& buffer);
  std::vector<StateBuffer> buffers_;
  std::vector<Part> parts_;
  std::vector<Stretch> stretches_;  // in the order of their entries
};
}  // namespace tocsin::runtime
