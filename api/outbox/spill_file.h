/// Deliveries that do not fit in memory, first in first out, in a temporary file that no name leads
/// to.
///
/// A record:  alert id bytes u32 | payload bytes u32 | revision u64 | alert id | payload     (this
/// machine's byte order)
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "cep/base/result.h"

namespace tocsin::api {
/// Threading: one thread at a time.
class SpillFile {
 public:
  struct Record {
    std::string alert_id;
    std::uint64_t revision = 0;
    std::string payload;
  };

  /// Makes nothing yet: the file comes with the first record, beside `neighbour_path`, else in the
  /// folder for temporary files, and vanishes with the process, however that ends.
  explicit SpillFile(std::string neighbour_path);
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  /// Appends a record. Errors: kIo; the file then holds what it held before. kLimit for a part of 4
  /// GiB.
  Result<void> push(std::string_view alert_id, std::uint64_t revision, std::string_view payload);
  /// Takes the oldest record. Requires !is_empty(). Errors: kIo, kCorrupt; nothing more can be
  /// taken then.
  Result<Record> pop();
  /// Forgets everything (after an error of `pop`).
  void clear();

  bool is_empty() const { return count_ == 0; }
  std::uint64_t count() const { return count_; }

 private:
  Result<void> open();

  std::string neighbour_path_;
  int descriptor_ = -1;
  std::uint64_t count_ = 0;
  std::int64_t read_at_ = 0;
  std::int64_t write_at_ = 0;
};
}  // namespace tocsin::api
