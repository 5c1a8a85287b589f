/// A digest of a file's first bytes that can be kept and gone on with without the file.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cep/base/byte_codec.h"
#include "runtime/journal/journal_record.h"

namespace tocsin::runtime {
/// XXH3-128 over blocks of 4 KiB, chained; the bytes of the block that is not full are kept.
/// Threading: one caller at a time.
class SeriesDigest {
 public:
  static constexpr std::size_t kBlockBytes = std::size_t{4} << 10;
  void add(std::string_view bytes);
  /// Bytes so far.
  std::uint64_t bytes() const { return bytes_; }
  /// Of all of them.
  RangeDigest digest() const;
  void save(ByteWriter& to) const;
  /// The reader is not ok() after anything but what save() wrote.
  static SeriesDigest restore(ByteReader& from);
  friend bool operator==(const SeriesDigest&, const SeriesDigest&) = default;

 private:
  void close_block(std::string_view block);

  RangeDigest chain_{};  // of all blocks that are full
  std::string rest_;     // of the one that is not
  std::uint64_t bytes_ = 0;
};
}  // namespace tocsin::runtime
