/// Rows that a pass has been sent, with what is known at them, until all that comes before them is
/// there: in their order.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/program.h"
#include "cep/data/batch.h"
#include "cep/stage/outbox.h"
#include "cep/stage/place_runs.h"
#include "cep/stage/row_place.h"
#include "cep/stage/stage_state.h"

namespace tocsin::cep {
class WaitingRows {
 public:
  struct Known {
    FeatureIndex value;
    std::uint32_t place = 0;  // of a role
    std::size_t at = 0;       // in the bytes
    std::size_t size = 0;
  };
  struct Waiting {
    std::string bytes;          // of the row's fields and of the values
    bool has_row = false;       // else the row itself has yet to come
    std::size_t fields_at = 0;  // in the bytes
    std::size_t fields_size = 0;
    std::vector<KeyGroup> groups;  // that the row is for, ascending
    std::vector<Known> values;
    std::vector<RuleIndex> marks;

    std::string_view fields() const {
      return std::string_view(bytes).substr(fields_at, fields_size);
    }
    std::string_view bytes_of(const Known& known) const {
      return std::string_view(bytes).substr(known.at, known.size);
    }
  };

  explicit WaitingRows(const ProgramImpl& program) : program_(program) {}
  /// Takes a message of the kinds kRow, kValue and kMark, once or more often. False for bytes that
  /// are none, and for a row at or before `watermark`, or at or after `end`.
  bool put(const BlockReader::Message& message, EventTime watermark,
           std::optional<EventTime> end = {});
  /// Whether one stands at or before the watermark.
  bool has_due(EventTime watermark) const {
    return !rows_.empty() && rows_.first().order.time <= watermark;
  }
  /// Moves the first rows to the batch, which is empty, as many as `rows_max` and at least one, all
  /// that have one cause, none after the watermark: with their places, and what is known at each.
  /// False for bytes that are none.
  struct Taken {
    std::vector<RowPlace> places;
    std::vector<Waiting> known;  // may be longer: what is behind is used again
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
  EventTime last_time() const { return rows_.empty() ? kEventTimeMin : rows_.last().order.time; }
  /// Of rows; what is known at one may count as another until it is taken.
  std::size_t size() const { return rows_.size(); }
  /// Memory of what waits.
  std::size_t bytes() const { return bytes_ + rows_.slot_bytes(); }
  /// Adds all that waits to a cut, as blocks of messages that put() takes: one for each row and
  /// group.
  void cut(StageEntry kind, StageCut& to) const;

 private:
  static constexpr std::size_t kSliceRows = 2'048;

  bool add(const BlockReader::Message& message, ByteReader& from, Waiting& to) const;
  std::string messages_of(const RowPlace& place, const Waiting& waiting, KeyGroup group) const;
  bool read_fields(std::string_view bytes, const RowPlace& place, Batch& batch);

  const ProgramImpl& program_;
  PlaceRuns<RowPlace, Waiting> rows_;
  std::size_t bytes_ = 0;               // of what slots refer to
  std::vector<std::uint32_t> entries_;  // of the batch in hand, by event type
};
/// The body of a message kRow behind the row's place: its time stamp, what it is known by where it
/// has no id field, and the fields that anything reads.
void write_fields(ByteWriter& to, const ProgramImpl& program, const Batch& batch, const Row& row);
}  // namespace tocsin::cep
