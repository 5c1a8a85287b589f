/// How far a log is known to be on disk, in a small file outside of it. A log that lost its end
/// looks like one after a crash; only a record elsewhere can tell the two apart.
///
///   the file: slots of 4,096 bytes, of which the greatest end counts; two are written in turn, and
///             one that a start writes, and nothing after it: a power cut may tear both others. A
///             file of an earlier build has the first two
///   a slot:   magic u8[8] | end u64 | format u32 | CRC32C of the bytes before u32 | zeros
///
/// An update is written after the sync of the log and is not synced itself. After a power cut the
/// mark may thus be older than the log, and never newer.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "cep/base/result.h"
#include "runtime/io/files.h"

namespace tocsin::runtime {
enum class EndMarkState : std::uint8_t {
  kMissing,  // as in a folder that an older version wrote
  kDamaged,  // no slot can be read
  kGood,
};
struct KnownEnd {
  EndMarkState state = EndMarkState::kMissing;
  std::uint64_t end = 0;  // 0 unless kGood
};
/// Reads the mark at `path`. Fails with kIo, kOtherVersion for a newer format.
Result<KnownEnd> read_end_mark(Files& files, const std::string& path);

/// Threading: one caller at a time.
class EndMark {
 public:
  /// Opens the mark at `path`, whose folder's parent must exist, and sets it to `end` where it is
  /// missing, damaged or lower; synced. Fails with kLimit without space, kIo.
  static Result<std::unique_ptr<EndMark>> open(Files& files, const std::string& path,
                                               std::uint64_t end);
  EndMark(const EndMark&) = delete;
  EndMark& operator=(const EndMark&) = delete;
  ~EndMark() = default;
  /// Notes that the log is on disk up to `end`; a lower one than before changes nothing. A failure
  /// leaves the mark where it was.
  void advance(std::uint64_t end);
  /// Waits until the mark is on disk; a failure leaves an older one there.
  void sync();

 private:
  void secure();

  EndMark(std::unique_ptr<File> file, std::uint64_t end) : file_(std::move(file)), end_(end) {}
  std::unique_ptr<File> file_;
  std::uint64_t end_ = 0;
  unsigned next_slot_ = 0;
};
}  // namespace tocsin::runtime
