/// Records for tests of the journal.
#pragma once
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/journal/journal_record.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// Makes records of every kind and keeps their texts.
class RandomRecords {
 public:
  explicit RandomRecords(Random& random) : random_(random) {}
  /// Of any kind; texts and bytes of at most `bytes_max`, mostly far below.
  runtime::JournalRecord next(std::size_t bytes_max);

 private:
  std::string_view text(std::size_t bytes_max);
  Random& random_;
  std::deque<std::string> texts_;
};
/// The body as bytes.
std::string body_of(const runtime::JournalRecord& record);
/// One record of each kind, the same always, and the edges of their fields.
std::vector<runtime::JournalRecord> sample_records();
}  // namespace tocsin::tests
