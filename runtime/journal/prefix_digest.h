/// What is known of the bytes that were taken of a file, to see at a later start that they are
/// still the same.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>

#include "cep/base/byte_codec.h"
#include "runtime/journal/journal_record.h"

namespace tocsin::runtime {
/// A digest of a file's first bytes that can be kept and gone on with: XXH3-128 over blocks of
/// 1 MiB, chained. Threading: one caller at a time.
class PrefixDigest {
 public:
  static constexpr std::uint64_t kBlockBytes = std::uint64_t{1} << 20;
  PrefixDigest();
  ~PrefixDigest();
  PrefixDigest(PrefixDigest&&) noexcept;
  PrefixDigest& operator=(PrefixDigest&&) noexcept;

  /// Requires is_whole().
  void add(std::string_view bytes);
  /// Bytes so far.
  std::uint64_t bytes() const { return bytes_; }
  /// Of all of them.
  RangeDigest digest() const;

  void save(ByteWriter& to) const;
  /// What save() wrote; the reader is not ok() after anything else. It is not whole, unless it ends
  /// with a block.
  static PrefixDigest restore(ByteReader& from);
  /// False: supply() must give the bytes from missing_from() up to bytes() before add().
  bool is_whole() const { return missing_ == 0; }
  std::uint64_t missing_from() const { return bytes_ - missing_; }
  /// False where they are not those that were taken; nothing has changed then.
  bool supply(std::string_view bytes);

 private:
  struct Block;
  RangeDigest chain_{};  // of all blocks that are complete
  std::uint64_t bytes_ = 0;
  std::uint64_t missing_ = 0;
  RangeDigest expected_{};        // digest(), while bytes are missing
  std::unique_ptr<Block> block_;  // the one being filled
};
}  // namespace tocsin::runtime
