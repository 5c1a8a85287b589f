// How rows leave the intake: in order, cut into slices.
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

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
    for (Source& source : sources_) source.waiting.drain(source.ready);
    collect_ready({cep::kEventTimeMax, UINT64_MAX});
    given = give_merged(newest);
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
  cep::EventTime settled = marks_.engine();
  bool are_empty = true;  // all buffers: all rows are ready
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const ReorderBuffer& waiting = sources_[i].waiting;
    are_empty = are_empty && waiting.waiting() == 0;
    if (marks_.source(i).state == SourceState::kActive || waiting.waiting() != 0) {
      settled = std::min(settled, waiting.settled());
    }
  }
  // A row at the watermark goes at once where none that came before it can wait for the same time.
  collect_ready({settled, are_empty ? UINT64_MAX : 0});
  return give_merged(settled);
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

// Moves all ready rows before `end` to `merged_`, in order over all sources.
void Intake::collect_ready(WaitingRow end) {
  merged_.clear();
  std::vector<std::size_t> run_ends;
  for (Source& source : sources_) {
    const auto first = source.ready.begin() + static_cast<std::ptrdiff_t>(source.taken);
    const auto last = std::lower_bound(first, source.ready.end(), end);
    merged_.insert(merged_.end(), first, last);
    if (first != last) run_ends.push_back(merged_.size());
    source.taken = static_cast<std::size_t>(last - source.ready.begin());
    if (source.taken * 2 >= source.ready.size()) {
      source.ready.erase(source.ready.begin(), last);
      source.taken = 0;
    }
  }
  // Neighbouring runs two by two, until one is left.
  while (run_ends.size() > 1) {
    std::vector<std::size_t> wider;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < run_ends.size(); i += 2) {
      const std::size_t end_of_both = run_ends[std::min(i + 1, run_ends.size() - 1)];
      const auto at = [&](std::size_t place) {
        return merged_.begin() + static_cast<std::ptrdiff_t>(place);
      };
      std::inplace_merge(at(begin), at(run_ends[i]), at(end_of_both));
      wider.push_back(end_of_both);
      begin = end_of_both;
    }
    run_ends = std::move(wider);
  }
  if (is_out_of_place_) order_by_arrival();
}

// Cuts `merged_` into slices; the last goes up to `watermark`.
Result<void> Intake::give_merged(cep::EventTime watermark) {
  std::span<const WaitingRow> rest(merged_);
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
