/// Texts that feature windows hold: each once in a shard, named by a number, and counted, so that
/// equal texts are equal words and a text goes with its last holder.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string_view>
#include <vector>

#include "cep/base/number_index.h"

namespace tocsin::cep {
class TextTable {
 public:
  /// `seed` only chooses the layout.
  TextTable(std::pmr::memory_resource* memory, std::uint64_t seed);
  TextTable(const TextTable&) = delete;
  TextTable& operator=(const TextTable&) = delete;
  ~TextTable();
  /// The text's number, with one more holder.
  std::uint32_t hold(std::string_view text);
  /// One more holder of a text that is held.
  void hold(std::uint32_t number) { ++entries_[number].holders; }
  /// One holder fewer; the last one takes the text with it.
  void drop(std::uint32_t number);
  /// Valid until its last holder drops it.
  std::string_view text(std::uint32_t number) const {
    return {entries_[number].data, entries_[number].size};
  }
  std::size_t count() const { return index_.count(); }
  /// Bytes beside those asked of its memory.
  std::size_t list_bytes() const {
    return entries_.capacity() * sizeof(Entry) + free_.capacity() * sizeof(std::uint32_t) +
           index_.bytes();
  }
  /// Forgets all texts; those to come are in `memory`.
  void clear(std::pmr::memory_resource* memory);
  /// Moves the texts to `memory`; they keep their numbers. What they had is not given back.
  void move_to(std::pmr::memory_resource* memory);

 private:
  struct Entry {
    char* data = nullptr;
    std::uint32_t size = 0;
    std::uint32_t holders = 0;
  };
  // What the index asks of a text.
  struct Numbered {
    const TextTable& table;
    void prefetch(std::uint32_t number) const;
    std::uint64_t hash_of(std::uint32_t number) const { return table.hash(table.text(number)); }
  };
  std::uint64_t hash(std::string_view text) const;
  char* copy(std::string_view text) const;

  std::uint64_t seed_;
  std::pmr::memory_resource* memory_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
  NumberIndex index_;
};
}  // namespace tocsin::cep
