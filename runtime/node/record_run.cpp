#include "runtime/node/record_run.h"

#include <utility>

#include "cep/base/assert.h"
#include "cep/eval/computed.h"

namespace tocsin::runtime {
void RecordRun::begin(std::uint64_t sequence, cep::EventTime taken_at, bool is_appended) {
  sequence_ = sequence;
  index_ = 0;
  taken_at_ = taken_at;
  is_appended_ = is_appended;
  parts_.effects.begin_record(sequence, taken_at);
}

Result<void> RecordRun::append(const JournalRecord& record) {
  const std::uint64_t expected = parts_.log->next_sequence();
  const Result<std::uint64_t> sequence = parts_.log->append(record);
  if (!sequence) return tl::unexpected(sequence.error());
  TOCSIN_ASSERT(*sequence == expected, "a node is its journal's only appender");
  is_appended_ = true;
  next_.note(expected, record);
  return {};
}

Result<void> RecordRun::end() {
  TOCSIN_ASSERT(is_appended_, "effects wait for records that are on their way");
  if (auto flushed = parts_.intake->flush(); !flushed) return flushed;
  return push_effects();
}

Result<void> RecordRun::push_effects() {
  if (parts_.queue == nullptr) {  // who only looks
    parts_.effects.drop();
    return {};
  }
  if (!parts_.ports.has_threads && !parts_.queue->has_room()) {
    if (auto committed = commit(); !committed) return committed;
  }
  if (auto pushed = parts_.effects.push(*parts_.queue); !pushed) return pushed;
  if (parts_.queue->needs_cause()) parts_.log->hurry();
  return {};
}

Result<void> RecordRun::advance(cep::Batch& slice, cep::EventTime watermark) {
  alerts_.clear();
  parts_.state.values_missing += cep::fill_computed(parts_.program, slice);
  parts_.engine->advance(slice, watermark, alerts_);
  for (const cep::Alert& alert : alerts_) {
    count_alert(parts_.program.plan(), alert, parts_.summary);
    const StoredAlert* const stored = parts_.effects.add(alert);
    if (stored != nullptr && parts_.options.raised) parts_.options.raised(*stored);
  }
  if (parts_.is_live) chunk();
  return is_appended_ ? push_effects() : Result<void>();
}

void RecordRun::open_intake() {
  Advance advance = [this](cep::Batch& slice, cep::EventTime watermark) {
    return this->advance(slice, watermark);
  };
  IntakeSinks sinks;
  sinks.late = [this](const LateEvent& late) {
    parts_.effects.add(late);
    if (parts_.options.side_output.late) parts_.options.side_output.late(late);
  };
  sinks.dead_letter = [this](const DeadLetter& dead_letter) {
    parts_.effects.add(dead_letter);
    if (parts_.options.side_output.dead_letter) parts_.options.side_output.dead_letter(dead_letter);
  };
  sinks.judged = parts_.options.side_output.judged;
  parts_.csv.clear();
  parts_.intake = std::make_unique<Intake>(UsedEvents::of(parts_.program), parts_.options.intake,
                                           std::move(sinks), parts_.summary, std::move(advance));
}

Result<void> RecordRun::commit() {
  if (parts_.ports.has_threads || parts_.log == nullptr) return {};
  if (auto committed = parts_.log->commit(); !committed) {
    // A full disk is tried again; everything else waits until then.
    if (committed.error().code != Errc::kLimit) return committed;
  }
  parts_.queue->durable(parts_.log->durable_end());
  for (;;) {
    const Result<bool> stepped = parts_.queue->step();
    if (!stepped) return tl::unexpected(stepped.error());
    if (!*stepped) return {};
  }
}

Result<void> RecordRun::write_journal() {
  if (auto committed = commit(); !committed) return committed;
  return parts_.log->wait_durable();
}

// Waits until the effects of all that was processed are stored.
Result<void> RecordRun::store_effects() {
  if (auto durable = parts_.log->wait_durable(); !durable) return durable;
  return parts_.ports.has_threads ? parts_.queue->wait_committed(parts_.queue->status().pushed)
                                  : commit();
}

// A little of a checkpoint, or of what is prepared.
void RecordRun::chunk() {
  parts_.taker->chunk();
  next_.chunk();
}
}  // namespace tocsin::runtime
