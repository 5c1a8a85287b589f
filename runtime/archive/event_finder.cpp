#include "runtime/archive/event_finder.h"

#include <cstddef>
#include <limits>

namespace tocsin::runtime {
namespace {
// What was taken in before is as long as it may be: nothing is cut again.
constexpr std::size_t kAnyLength = std::numeric_limits<std::size_t>::max() / 4;
constexpr std::size_t kRowsPerBatch = 2048;
}  // namespace

EventFinder::EventFinder(const cep::Program& program)
    : keys_(program),
      decoder_(program.plan(), keys_.used_fields(), keys_.used_types(),
               BlockOptions{kAnyLength, kRowsPerBatch}) {}

const std::vector<FoundEvent>& EventFinder::find(std::string_view lines) {
  found_.clear();
  decoder_.decode(lines, false, block_);
  std::size_t batch = 0;
  std::size_t row = 0;
  for (std::uint32_t i = 0; i < block_.lines.size(); ++i) {
    const BlockLine& line = block_.lines[i];
    if (!line.used) continue;
    while (row == block_.batches[batch]->rows.size()) {
      ++batch;
      row = 0;
    }
    const cep::Batch& rows = *block_.batches[batch];
    const cep::Row& event = rows.rows[row++];
    found_.push_back({i, event.ts, line.text, &rows, &event});
  }
  return found_;
}
}  // namespace tocsin::runtime
