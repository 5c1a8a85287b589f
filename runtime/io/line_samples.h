/// Fingerprints of some of the lines that a source sent, so that a line that it sends again can be
/// compared with what was taken. All of the last 512 lines are kept, of the 8,192 before the newest
/// every 16th, of the 131,072 before it every 256th, and so on: 2 KiB for each factor of 16,
/// however long the source goes on, and always the first line.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "cep/base/byte_codec.h"

namespace tocsin::runtime {
class LineSamples {
 public:
  LineSamples() = default;
  /// Begins at line `from`: the lines before it were taken without samples.
  explicit LineSamples(std::uint64_t from) : from_(from), end_(from) {}

  /// Adds whole lines, each with its line feed, that follow those before.
  void add(std::string_view lines);
  /// The number of the line that comes next, from 0.
  std::uint64_t end() const { return end_; }

  struct Comparison {
    std::size_t compared = 0;                // lines
    std::optional<std::uint64_t> differing;  // the first line that is not what it was
    bool is_unsampled = false;               // some of them are from before there were samples
  };
  /// Compares `lines`, of which the first is line `first`, with those that were added; lines that
  /// were not added yet are left out.
  Comparison compare(std::uint64_t first, std::string_view lines) const;

  void save(ByteWriter& to) const;
  /// The reader is not ok() after anything but what save() wrote.
  static LineSamples restore(ByteReader& from);

 private:
  void put(std::uint64_t number, std::uint32_t fingerprint);
  std::optional<std::uint32_t> find(std::uint64_t number) const;

  std::uint64_t from_ = 0;
  std::uint64_t end_ = 0;
  // Of level L: fingerprints of the last lines whose numbers are divisible by 16^L, each at its
  // number / 16^L modulo the number of them that are kept.
  std::vector<std::vector<std::uint32_t>> levels_;
};
}  // namespace tocsin::runtime
