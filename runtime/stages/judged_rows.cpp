#include "runtime/stages/judged_rows.h"

#include <span>
#include <utility>

#include "cep/base/assert.h"
#include "cep/base/byte_codec.h"
#include "cep/data/row_identity.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "runtime/stages/front_change.h"
#include "runtime/stages/line_message.h"
#include "runtime/unique/unique_filter.h"

namespace tocsin::runtime {
namespace {
// Those that are decoded and sent.
std::vector<bool> judged_types(const cep::Program& program, JudgesChange changes) {
  std::vector<bool> types = program.used_types();
  for (std::size_t t = 0; changes == JudgesChange::kNo && t < types.size(); ++t) {
    types[t] = !program.plan().event_types[t].is_alert();
  }
  return types;
}
std::vector<std::vector<bool>> id_fields_of(const cep::Program& program) {
  std::vector<std::vector<bool>> fields;
  for (const cep::EventType& type : program.plan().event_types) {
    fields.emplace_back(type.fields.size());
    if (type.id_field) fields.back()[type.id_field->value] = true;
  }
  return fields;
}
}  // namespace

JudgedRows::Reading::Reading(cep::Program of, JudgesChange changes)
    : program(std::move(of)),
      id_fields(id_fields_of(program)),
      decoder(program.plan(), id_fields, judged_types(program, changes)),
      batch(program.plan()),
      tag(identities_tag(program.plan())) {
  decoder.begin(batch);
}

JudgedRows::JudgedRows(const cep::Program& program, JudgesChange changes, LineReports& reports)
    : reports_(reports),
      reading_(std::make_unique<Reading>(program, changes)),
      at_hand_(reading_.get()) {}

void JudgedRows::prepare(cep::Program next, cep::EventTime from) {
  TOCSIN_ASSERT(next_ == nullptr, "one change waits at a time");
  next_ = std::make_unique<Reading>(std::move(next), JudgesChange::kYes);
  from_ = from;
}

void JudgedRows::go_over() {
  TOCSIN_ASSERT(next_ != nullptr, "a change waits");
  reading_ = std::move(next_);
  at_hand_ = reading_.get();
  reports_.use_plan(reading_->program.plan());
}

// A line of two readings has one time (check_front_change()), so that none is of both.
Decoded JudgedRows::decode_text(std::string_view text) {
  at_hand_ = reading_.get();
  if (!next_) return reading_->decoder.decode(text);
  if (marks_->source(0).tracker.watermark() >= from_) {
    at_hand_ = next_.get();
    reports_.use_plan(next_->program.plan());
    return next_->decoder.decode(text);
  }
  const Decoded before = reading_->decoder.decode(text);
  const bool was_event = before.kind == LineKind::kEvent;
  reports_.use_plan(reading_->program.plan());
  if (was_event && before.ts < from_) return before;
  const Decoded after = next_->decoder.decode(text);
  if (was_event || (after.kind == LineKind::kEvent && after.ts >= from_)) {
    if (was_event && before.used) reading_->decoder.drop();
    at_hand_ = next_.get();
    reports_.use_plan(next_->program.plan());
    return after;
  }
  if (after.kind == LineKind::kEvent && after.used) next_->decoder.drop();
  return before;
}

Decoded JudgedRows::decode_again(std::string_view line) {
  padded_.assign(line);
  padded_.append(kLinePadding, '\n');
  return decode_text(std::string_view(padded_).substr(0, line.size()));
}

void JudgedRows::keep(std::size_t /*source*/, cep::EventTime engine_time, const Line& line,
                      cep::ArrivalNumber arrival) {
  const cep::Plan& plan = at_hand_->program.plan();
  cep::Batch& batch = at_hand_->batch;
  at_hand_->decoder.keep(engine_time, arrival);
  const cep::Row& row = batch.rows.back();
  LineMessage message{engine_time, arrival, row.ts, source_, line.number, {}, 0, line.text};
  std::string identity;
  cep::KeyGroup group;
  if (const std::optional<cep::FieldIndex> id_field = plan.event_types[row.type.value].id_field) {
    const cep::Value id = batch.value(plan, row, *id_field);
    group = id.is_missing() ? group_of_arrival(arrival) : group_of_id(bits_of_id(id, scratch_));
  } else {
    identity = cep::row_identity(plan, batch, row).bytes;
    message.identity = identity;
    message.identity_tag = at_hand_->tag;
    group = group_of_identity(identity);
  }
  body_.clear();
  ByteWriter to(body_);
  write_line_message(to, message);
  outbox_.put(cep::kOfNoPlan, {cep::StageEdge::To::kIntake, 0}, cep::MessageKind::kLine,
              std::span(&group, 1), body_);
  last_sent_ = arrival;
  constexpr std::size_t kRowsMax = 1'024;
  if (batch.rows.size() < kRowsMax) return;
  at_hand_->decoder.finish();
  batch.clear();
  at_hand_->decoder.begin(batch);
}
}  // namespace tocsin::runtime
