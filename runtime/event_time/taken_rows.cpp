#include "runtime/event_time/taken_rows.h"

#include <algorithm>

#include "cep/base/assert.h"

namespace tocsin::runtime {
TakenRows::TakenRows(const UsedEvents& used, const IntakeOptions& options, const Watermarks& marks,
                     WaitingRows& waiting, LineReports& reports, RunSummary& summary,
                     Advance advance)
    : used_(used),
      rows_max_(options.slice_rows_max),
      keeps_lines_(options.is_saved),
      slices_stay_(options.slices_stay),
      marks_(marks),
      waiting_(waiting),
      reports_(reports),
      summary_(summary),
      advance_(std::move(advance)),
      decoder_(used.plan, used.fields, used.types),
      slice_(used.plan),
      copied_(used.plan),
      ordered_(used.plan, options.unique_ids_max, options.hash_seed) {
  if (reports_.has_judged()) {
    repeated_ = [this](cep::ArrivalNumber arrival) { reports_.repeated(arrival); };
  }
  decoder_.begin(slice_);
}

void TakenRows::begin_store() {
  needs_store_ = false;
  rows_since_flush_ = 0;
  if (Result<void> given = give_decoded(marks_.engine()); !given) {
    failure_ = given.error();
    rows_since_flush_ = rows_max_;
  }
  store_.emplace(used_.plan, used_.fields, decoder_, rows_max_, keeps_lines_);
}

Decoded TakenRows::decode_again(std::string_view line) {
  padded_.assign(line);
  padded_.append(kLinePadding, '\n');
  return decoder_.decode(std::string_view(padded_).substr(0, line.size()));
}

void TakenRows::report_problems(const SourceLine& from) {
  if (block_ != nullptr) {
    for (const DecodedBlock::Problem& one : block_->take_problems()) {
      reports_.field_missing(from, one.problem);
    }
  } else {
    for (const FieldProblem& problem : decoder_.problems()) reports_.field_missing(from, problem);
  }
}

void TakenRows::drop() {
  if (block_ == nullptr) {
    decoder_.drop();
    return;
  }
  block_->drop();
  if (block_->stored) store_->drop_one_of(*block_->stored);
}

void TakenRows::leave_block() {
  if (block_ == nullptr) return;
  if (store_) {
    is_out_of_place_ = true;
  } else if (Result<void> given = give_block(*block_); !given) {
    failure_ = given.error();
  }
  block_ = nullptr;
}

// Without a store they are a slice that may be full.
void TakenRows::make_room() {
  if (store_ || !is_full() || failure_) return;
  rows_since_flush_ = 0;
  const cep::EventTime watermark = std::max(marks_.engine(), summary_.last_event);
  if (Result<void> given = give_decoded(watermark); !given) {
    failure_ = given.error();
    rows_since_flush_ = rows_max_;
  }
}

void TakenRows::foresee_repeat(std::uint64_t place, cep::ArrivalNumber arrival) {
  const RowStore::KeptRow kept = store_->kept(place);
  if (ordered_.unique().foresee(kept.batch, kept.row)) reports_.repeated(arrival);
}

Result<void> TakenRows::give_at_once(Due due, BlockLines& lines) {
  TOCSIN_ASSERT(!store_, "rows in a store wait until they are settled");
  rows_since_flush_ = 0;
  if (due == Due::kBlock) return give_block(lines);
  return give_decoded(std::max(marks_.engine(), summary_.last_event));
}

Result<void> TakenRows::give_settled(std::optional<cep::EventTime> up_to) {
  rows_since_flush_ = 0;
  if (failure_) return tl::unexpected(*failure_);
  if (!store_) return give_decoded(up_to.value_or(marks_.engine()));
  waiting_.follow();
  if (up_to) return give_merged(waiting_.take_up_to(*up_to), *up_to);
  const WaitingRows::Settled settled = waiting_.take_settled();
  return give_merged(settled.rows, settled.until);
}

Result<void> TakenRows::finish(bool final_watermark, std::optional<cep::EventTime> until) {
  rows_since_flush_ = 0;
  const cep::EventTime newest = std::max(given_, summary_.last_event);
  Result<void> given = store_ ? give_merged(waiting_.take_all(), newest) : give_decoded(newest);
  if (given && until && *until > given_) given = give(slice_, *until);
  if (given && final_watermark) given = give(slice_, cep::kEventTimeMax);
  return given;
}

// Without a store: the rows just decoded are a slice.
Result<void> TakenRows::give_decoded(cep::EventTime watermark) {
  decoder_.finish();
  Result<void> given = give(slice_, watermark);
  slice_.clear();
  decoder_.begin(slice_);
  return given;
}

// Without a store: the rows of the block's batch that are at hand are a slice.
Result<void> TakenRows::give_block(BlockLines& lines) {
  if (!lines.has_rows()) {
    if (slices_stay_) lent_.keep(lines);
    lines.rows_given();
    return {};
  }
  const cep::EventTime watermark = std::max(marks_.engine(), summary_.last_event);
  if (lines.has_all_rows()) {
    lines.rows_given();
    return give(lines.batch(), watermark);
  }
  lines.copy_rows(copied_);
  if (slices_stay_) lent_.keep(lines);
  lines.rows_given();
  Result<void> given = give(copied_, watermark);
  copied_.clear();
  return given;
}

// Rows of one time, which come by their places, into the order of arrival.
void TakenRows::order_by_arrival(std::span<WaitingRow> rows) {
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

// Cuts rows that no longer wait into slices; the last goes up to `watermark`.
Result<void> TakenRows::give_merged(std::span<WaitingRow> merged, cep::EventTime watermark) {
  if (is_out_of_place_) order_by_arrival(merged);
  std::span<const WaitingRow> rest(merged);
  do {
    const std::span<const WaitingRow> rows = rest.first(std::min(rest.size(), rows_max_));
    rest = rest.subspan(rows.size());
    store_->gather(rows, slice_);
    Result<void> given = give(slice_, rest.empty() ? watermark : rows.back().time);
    slice_.clear();
    store_->release(slices_stay_ ? 1 : 0);
    if (!given) return given;
  } while (!rest.empty());
  return {};
}

Result<void> TakenRows::give(cep::Batch& slice, cep::EventTime watermark) {
  if (slice.rows.empty() && watermark <= given_) return {};
  given_ = watermark;
  summary_.repeats += ordered_.take(slice, watermark, repeated_);
  summary_.ids_forgotten = unique().forgotten();
  Result<void> done = advance_(slice, watermark);
  lent_.slice_given();
  return done;
}

std::size_t TakenRows::waiting_bytes() const {
  // What was the last batch of rows is used again: where nothing waits it is nobody's.
  const std::size_t waiting = store_ ? waiting_.count() : 0;
  return waiting == 0 ? 0 : store_->bytes() + waiting * sizeof(WaitingRow);
}

std::size_t TakenRows::begin_save() {
  TOCSIN_ASSERT(!is_saving(), "one cut at a time");
  TOCSIN_ASSERT(rows_since_flush_ == 0, "all that is settled was given before");
  TOCSIN_ASSERT(keeps_lines_ || waiting_.count() == 0, "the lines of waiting events are kept");
  ordered_.unique().begin_save();
  save_equals_.clear();
  ByteWriter equals(save_equals_);
  ordered_.equal_numbers().save(equals);
  save_waiting_ = waiting_.count();
  equals.varint(save_waiting_);
  if (save_waiting_ > 0) store_->begin_save();
  save_stage_ = SaveStage::kIds;
  constexpr std::size_t kBytesOfId = 20;
  return save_equals_.size() + ordered_.unique().known() * kBytesOfId +
         (save_waiting_ > 0 ? store_->bytes() : 0);
}

bool TakenRows::write_save(std::string& to, std::size_t bytes_end) {
  TOCSIN_ASSERT(is_saving(), "a cut is written");
  if (save_stage_ == SaveStage::kIds) {
    if (!ordered_.unique().write_save(to, bytes_end)) return false;
    to += save_equals_;
    save_stage_ = SaveStage::kWaiting;
  }
  ByteWriter writer(to);
  while (save_waiting_ > 0) {
    if (to.size() >= bytes_end) return false;
    const std::optional<RowStore::SavedRow> saved = store_->next_of_save();
    if (!saved) {
      TOCSIN_ASSERT(store_->is_saving(), "each waiting event has a row");
      return false;
    }
    writer.varint(saved->source);
    writer.i64(saved->row->engine_time.us);
    writer.varint(saved->row->arrival.record);
    writer.varint(saved->row->arrival.index);
    writer.varint(saved->line.number);
    writer.text(saved->line.text);
    --save_waiting_;
  }
  end_save();
  return true;
}

void TakenRows::end_save() {
  if (!is_saving()) return;
  save_stage_ = SaveStage::kNone;
  ordered_.unique().end_save();
  if (store_) store_->end_save();
}

bool TakenRows::restore(ByteReader& reader, bool has_store, cep::EventTime given,
                        std::span<const std::string_view> names) {
  given_ = given;
  const EqualNumbers::DecodeLine decode = [&](std::string_view line, cep::EventTime time,
                                              cep::Batch& batch) {
    decoder_.begin(batch);
    const Decoded decoded = decode_again(line);
    const bool has_row = decoded.kind == LineKind::kEvent && decoded.used;
    if (has_row) decoder_.keep(time, {});
    decoder_.finish();
    return has_row;
  };
  const bool is_sound =
      ordered_.unique().restore(reader) && ordered_.equal_numbers().restore(reader, decode);
  if (has_store) {
    store_.emplace(used_.plan, used_.fields, decoder_, rows_max_, keeps_lines_);
  } else {
    decoder_.begin(slice_);
  }
  return is_sound && restore_waiting(reader, names);
}

bool TakenRows::restore_waiting(ByteReader& reader, std::span<const std::string_view> names) {
  constexpr std::size_t kLeastBytes = 13;  // of one event
  const std::uint64_t count = reader.varint_up_to(reader.left() / kLeastBytes);
  if (count > 0 && !store_) return false;
  cep::ArrivalNumber before;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto source = static_cast<std::size_t>(reader.varint());
    const cep::EventTime time{reader.i64()};
    cep::ArrivalNumber arrival;
    arrival.record = reader.varint();
    arrival.index = static_cast<std::uint32_t>(reader.varint_up_to(UINT32_MAX));
    Line line;
    line.number = reader.varint();
    line.text = reader.text();
    if (!reader.ok() || source >= names.size() || line.text.empty() ||
        (i > 0 && arrival == before)) {
      return false;
    }
    is_out_of_place_ = is_out_of_place_ || (i > 0 && arrival < before);
    before = arrival;
    if (time < given_ || time > summary_.last_event ||
        time - marks_.source(source).tracker.bound() > waiting_.reached(source)) {
      return false;
    }
    const Decoded decoded = decode_again(line.text);
    if (reports_.is_dead(decoded.kind)) {  // another program
      reports_.no_event({names[source], line, arrival}, decoded.kind, decoder_.fault());
    }
    if (decoded.kind != LineKind::kEvent || !decoded.used) continue;
    const std::uint64_t place = store_->keep(time, arrival, line, source);
    if (repeated_) {
      const RowStore::KeptRow kept = store_->kept(place);
      static_cast<void>(ordered_.unique().foresee(kept.batch, kept.row));  // it was answered before
    }
    waiting_.put_back(source, {time, place});
  }
  waiting_.sort_ready();
  return reader.ok();
}
}  // namespace tocsin::runtime
