/// Rows that a pass has been sent, with what is known at them, until all that comes before them is
/// there: in their order.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/program.h"
#include "cep/data/batch.h"
#include "cep/stage/outbox.h"
#include "cep/stage/row_place.h"
#include "cep/stage/stage_state.h"

namespace tocsin::cep {
class WaitingRows {
 public:
  struct Known {
    FeatureIndex value;
    std::uint32_t place = 0;  // of a role
    std::string bytes;
  };
  struct Waiting {
    std::optional<std::string> fields;  // nothing: the row itself has yet to come
    std::vector<KeyGroup> groups;       // that the row is for, ascending
    std::vector<Known> values;
    std::vector<RuleIndex> marks;
  };

  explicit WaitingRows(const ProgramImpl& program) : program_(program) {}
  /// Takes a message of the kinds kRow, kValue and kMark, once or more often. False for bytes that
  /// are none, and for a row at or before `watermark`, or at or after `end`.
  bool put(const BlockReader::Message& message, EventTime watermark,
           std::optional<EventTime> end = {});
  /// Whether one stands at or before the watermark.
  bool has_due(EventTime watermark) const {
    return !rows_.empty() && rows_.begin()->first.order.time <= watermark;
  }
  /// Moves the first rows to the batch, which is empty, as many as `rows_max` and at least one, all
  /// that have one cause, none after the watermark: with their places, and what is known at each.
  /// False for bytes that are none.
  struct Taken {
    std::vector<RowPlace> places;
    std::vector<Waiting> known;
  };
  bool take(EventTime watermark, std::size_t rows_max, Batch& batch, Taken& taken);
  /// Takes rows up to the watermark, about `rows_max` of them, and calls `run(to)` for each slice,
  /// which is in `batch` and `taken`: time moves on to `to` with it. True when all are done. Fails
  /// with kCorrupt for bytes that are none, and where `run` gives false.
  template <typename Run>
  Result<bool> work(EventTime watermark, std::size_t rows_max, Batch& batch, Taken& taken,
                    Run&& run) {
    for (std::size_t rows = 0; has_due(watermark); rows += taken.places.size()) {
      if (rows >= std::max<std::size_t>(rows_max, 1)) return false;
      batch.clear();
      batch.has_identities = true;
      if (!take(watermark, std::min(kSliceRows, rows_max - rows), batch, taken)) {
        return tl::unexpected(damaged_block());
      }
      if (taken.places.empty()) continue;
      if (!run(has_due(watermark) ? taken.places.back().order.time : watermark)) {
        return tl::unexpected(damaged_block());
      }
    }
    return true;
  }
  /// Of the last one; kEventTimeMin if there is none.
  EventTime last_time() const {
    return rows_.empty() ? kEventTimeMin : rows_.rbegin()->first.order.time;
  }
  std::size_t size() const { return rows_.size(); }
  std::size_t bytes() const { return bytes_; }
  /// Adds all that waits to a cut, as blocks of messages that put() takes: one for each row and
  /// group.
  void cut(StageEntry kind, StageCut& to) const;

 private:
  static constexpr std::size_t kSliceRows = 2'048;

  static std::size_t bytes_of(const Waiting& waiting);
  std::string messages_of(const RowPlace& place, const Waiting& waiting, KeyGroup group) const;
  bool read_fields(std::string_view bytes, const RowPlace& place, Batch& batch);

  const ProgramImpl& program_;
  std::map<RowPlace, Waiting> rows_;
  std::size_t bytes_ = 0;
  std::vector<std::uint32_t> entries_;  // of the batch in hand, by event type
};
/// The body of a message kRow behind the row's place: its time stamp, what it is known by where it
/// has no id field, and the fields that anything reads.
void write_fields(ByteWriter& to, const ProgramImpl& program, const Batch& batch, const Row& row);
}  // namespace tocsin::cep
