#include "cep/stage/stage_source.h"

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "cep/stage/stage_change.h"

namespace tocsin::cep {
StageSource::Sending::Sending(Program of, std::uint64_t hash_seed, StageOutbox& outbox,
                              bool to_one_part)
    : program(std::move(of)), sender(program.impl(), 0, hash_seed, outbox, to_one_part) {}

StageSource::StageSource(Program program, std::uint64_t hash_seed, bool to_one_part)
    : hash_seed_(hash_seed),
      sending_(std::make_unique<Sending>(std::move(program), hash_seed, outbox_, to_one_part)) {}

void StageSource::put(const Batch& slice) {
  for (const Row& row : slice.rows) {
    TOCSIN_ASSERT(!next_ || row.engine_time < from_, "rows before the change");
  }
  send(*sending_, slice);
}

void StageSource::put_next(const Batch& slice) {
  TOCSIN_ASSERT(next_ != nullptr, "a change waits");
  for (const Row& row : slice.rows) {
    TOCSIN_ASSERT(row.engine_time >= from_, "rows from the change on");
  }
  send(*next_, slice);
}

void StageSource::send(Sending& to, const Batch& slice) {
  places_.clear();
  for (const Row& row : slice.rows) {
    places_.push_back({order_at_event(row.engine_time, row.arrival), false, row.type});
    newest_ = std::max(newest_, row.engine_time);
  }
  to.sender.send_rows(slice, places_);
}

Result<void> StageSource::prepare(Program next, EventTime from) {
  const EventTime reached = std::max(watermark_, newest_);
  if (auto can = check_change_time(from, reached, next_ != nullptr); !can) return can;
  if (auto can = check_change(sending_->program, next); !can) return can;
  next_ = std::make_unique<Sending>(std::move(next), hash_seed_, outbox_, false);
  from_ = from;
  return {};
}

std::optional<EventTime> StageSource::change_from() const {
  return next_ ? std::optional(from_) : std::nullopt;
}

bool StageSource::advance(EventTime watermark) {
  TOCSIN_ASSERT(watermark >= watermark_, "time does not move back");
  watermark_ = watermark;
  // Nothing comes before the change any more.
  if (!next_ || watermark.us < from_.us - 1) return false;
  sending_ = std::move(next_);
  return true;
}
}  // namespace tocsin::cep
