// How rows leave the intake: in order, cut into slices.
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "runtime/event_time/intake.h"

namespace tocsin::runtime {
Result<void> Intake::flush() {
  take_overtaken();
  rows_since_flush_ = 0;
  if (failure_) return tl::unexpected(*failure_);
  return store_ ? give_ready() : give_decoded(marks_.engine());
}

Result<void> Intake::finish(bool final_watermark, std::optional<cep::EventTime> until) {
  for (std::size_t i = 0; i < sources_.size(); ++i) take_held_until(i, cep::kEventTimeMax);
  rows_since_flush_ = 0;
  const cep::EventTime newest = std::max(given_, summary_.last_event);
  Result<void> given;
  if (store_) {
    given = give_merged(waiting_.take_all(), newest);
  } else {
    given = give_decoded(newest);
  }
  if (given && until && *until > given_) given = give(slice_, *until);
  if (given && final_watermark) given = give(slice_, cep::kEventTimeMax);
  marks_.move_to(given_);
  move_buffers();
  return given;
}

// Without a store: the rows just decoded are a slice.
Result<void> Intake::give_decoded(cep::EventTime watermark) {
  decoder_.finish();
  Result<void> given = give(slice_, watermark);
  slice_.clear();
  decoder_.begin(slice_);
  return given;
}

Result<void> Intake::give_ready() {
  move_buffers();
  const WaitingRows::Settled settled = waiting_.take_settled();
  return give_merged(settled.rows, settled.until);
}

Result<void> Intake::check_room() const {
  if (waiting_bytes() <= options_.waiting_bytes_max) return {};
  cep::Duration bound;
  for (const Source& source : sources_) bound = std::max(bound, source.policy.bound);
  return fail(
      Errc::kLimit,
      fmt::format("events that wait to be put in order ({} of them, for {}) take more than {} "
                  "bytes; nothing of them is lost. Allow more with --reorder-memory (of a server: "
                  "memory.reorder), or begin with less out-of-orderness",
                  waiting_events(), cep::format_duration(bound), options_.waiting_bytes_max));
}

// Rows of one time, which come by their places, into the order of arrival.
void Intake::order_by_arrival(std::span<WaitingRow> rows) {
  const auto arrival = [this](const WaitingRow& row) {
    return store_->kept(row.place).row.arrival;
  };
  for (auto row = rows.begin(); row != rows.end();) {
    const auto end = std::find_if(row, rows.end(),
                                  [&](const WaitingRow& other) { return other.time != row->time; });
    if (end - row > 1) std::ranges::sort(row, end, {}, arrival);
    row = end;
  }
  is_out_of_place_ = waiting_.count() != 0;
}

// Cuts rows that have left the order of waiting into slices; the last goes up to `watermark`.
Result<void> Intake::give_merged(std::span<WaitingRow> merged, cep::EventTime watermark) {
  if (is_out_of_place_) order_by_arrival(merged);
  std::span<const WaitingRow> rest(merged);
  do {
    const std::span<const WaitingRow> rows =
        rest.first(std::min(rest.size(), options_.slice_rows_max));
    rest = rest.subspan(rows.size());
    store_->gather(rows, slice_);
    Result<void> given = give(slice_, rest.empty() ? watermark : rows.back().time);
    slice_.clear();
    store_->release();
    if (!given) return given;
  } while (!rest.empty());
  return {};
}

Result<void> Intake::give(cep::Batch& slice, cep::EventTime watermark) {
  if (slice.rows.empty() && watermark <= given_) return {};
  given_ = watermark;
  summary_.repeats += unique_.drop_repeats(slice, repeated_);
  unique_.forget_until(watermark);
  summary_.ids_forgotten = unique_.forgotten();
  equal_numbers_.assign(slice);
  return advance_(slice, watermark);
}

// Without a store: the rows of the block's batch that are at hand are a slice.
Result<void> Intake::give_block(BlockLines& lines) {
  if (!lines.has_rows()) {
    lines.rows_given();
    return {};
  }
  const cep::EventTime watermark = std::max(marks_.engine(), summary_.last_event);
  if (lines.has_all_rows()) {
    lines.rows_given();
    return give(lines.batch(), watermark);
  }
  lines.copy_rows(copied_);
  lines.rows_given();
  Result<void> given = give(copied_, watermark);
  copied_.clear();
  return given;
}
}  // namespace tocsin::runtime
