/// Which of some blocks may have a key: a Bloom filter (Bloom, 1970) for each block, all of one
/// size, laid out by bit: a row has one bit of each block. So a look-up reads kHashes rows, however
/// many blocks there are.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::runtime {
class KeyFilter {
 public:
  /// About one look-up in a hundred of a key that a usual block lacks finds it there; in one with
  /// many times the keys of the others more do, so that it does not widen the rows of all.
  static constexpr std::size_t kBitsPerKey = 10;
  static constexpr std::size_t kHashes = 7;
  static constexpr std::size_t kTimesMean = 4;  // keys of a block that rows are made for

  KeyFilter() = default;
  /// `keys`: by block the digests (XXH3-64) of its keys, each once.
  explicit KeyFilter(const std::vector<std::vector<std::uint64_t>>& keys);
  /// Of bits(). Requires bits of `rows` rows for so many blocks.
  KeyFilter(std::size_t blocks, std::uint32_t rows, std::string_view bits);
  /// The blocks that may have the key, ascending; all that have it are among them.
  std::vector<std::uint32_t> blocks_of(std::uint64_t digest) const;
  std::uint32_t rows() const { return rows_; }
  std::string_view bits() const { return bits_; }
  static std::size_t bytes_of_row(std::size_t blocks) { return (blocks + 7) / 8; }

 private:
  std::uint32_t row_of(std::uint64_t digest, std::size_t number) const;
  std::size_t blocks_ = 0;
  std::uint32_t rows_ = 0;
  std::string bits_;  // by row
};
}  // namespace tocsin::runtime
