#include "runtime/archive/key_filter.h"

#include <algorithm>

#include "cep/base/assert.h"

namespace tocsin::runtime {
KeyFilter::KeyFilter(const std::vector<std::vector<std::uint64_t>>& keys) : blocks_(keys.size()) {
  std::size_t most = 0;
  std::size_t all = 0;
  for (const std::vector<std::uint64_t>& of_block : keys) {
    most = std::max(most, of_block.size());
    all += of_block.size();
  }
  if (blocks_ > 0) most = std::min(most, kTimesMean * (all / blocks_ + 1));
  TOCSIN_ASSERT(most < UINT32_MAX / kBitsPerKey, "a block has fewer keys than bytes");
  rows_ = static_cast<std::uint32_t>(most * kBitsPerKey);
  const std::size_t row_bytes = bytes_of_row(blocks_);
  bits_.resize(rows_ * row_bytes);
  for (std::size_t block = 0; block < blocks_; ++block) {
    const auto bit = static_cast<char>(1U << (block % 8));
    for (const std::uint64_t digest : keys[block]) {
      for (std::size_t i = 0; i < kHashes; ++i) {
        char& byte = bits_[row_of(digest, i) * row_bytes + block / 8];
        byte = static_cast<char>(byte | bit);
      }
    }
  }
}

KeyFilter::KeyFilter(std::size_t blocks, std::uint32_t rows, std::string_view bits)
    : blocks_(blocks), rows_(rows), bits_(bits) {
  TOCSIN_ASSERT(bits.size() == rows * bytes_of_row(blocks), "a row has a bit for each block");
}

// Two halves of the digest stand for any number of hashes (Kirsch and Mitzenmacher, 2006).
std::uint32_t KeyFilter::row_of(std::uint64_t digest, std::size_t number) const {
  const std::uint64_t step = (digest >> 32) | 1;
  return static_cast<std::uint32_t>(((digest & UINT32_MAX) + number * step) % rows_);
}

std::vector<std::uint32_t> KeyFilter::blocks_of(std::uint64_t digest) const {
  std::vector<std::uint32_t> found;
  if (rows_ == 0) return found;
  const std::size_t row_bytes = bytes_of_row(blocks_);
  for (std::size_t byte = 0; byte < row_bytes; ++byte) {
    unsigned bits = 0xff;
    for (std::size_t i = 0; i < kHashes && bits != 0; ++i) {
      bits &= static_cast<unsigned char>(bits_[row_of(digest, i) * row_bytes + byte]);
    }
    for (unsigned bit = 0; bit < 8; ++bit) {
      if ((bits >> bit & 1) != 0) found.push_back(static_cast<std::uint32_t>(byte * 8 + bit));
    }
  }
  return found;
}
}  // namespace tocsin::runtime
