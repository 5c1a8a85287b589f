#include "runtime/stages/judged_rows.h"

#include <span>

#include "cep/base/byte_codec.h"
#include "cep/data/row_identity.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "runtime/stages/line_message.h"
#include "runtime/unique/unique_filter.h"

namespace tocsin::runtime {
namespace {
std::vector<std::vector<bool>> id_fields_of(const cep::Program& program) {
  std::vector<std::vector<bool>> fields;
  for (const cep::EventType& type : program.plan().event_types) {
    fields.emplace_back(type.fields.size());
    if (type.id_field) fields.back()[type.id_field->value] = true;
  }
  return fields;
}
}  // namespace

JudgedRows::JudgedRows(const cep::Program& program)
    : program_(program),
      id_fields_(id_fields_of(program)),
      decoder_(program_.plan(), id_fields_, program_.used_types()),
      batch_(program_.plan()) {
  decoder_.begin(batch_);
}

Decoded JudgedRows::decode_again(std::string_view line) {
  padded_.assign(line);
  padded_.append(kLinePadding, '\n');
  return decoder_.decode(std::string_view(padded_).substr(0, line.size()));
}

void JudgedRows::keep(std::size_t /*source*/, cep::EventTime engine_time, const Line& line,
                      cep::ArrivalNumber arrival) {
  const cep::Plan& plan = program_.plan();
  decoder_.keep(engine_time, arrival);
  const cep::Row& row = batch_.rows.back();
  LineMessage message{engine_time, arrival, row.ts, source_, line.number, {}, line.text};
  std::string identity;
  cep::KeyGroup group;
  if (const std::optional<cep::FieldIndex> id_field = plan.event_types[row.type.value].id_field) {
    const cep::Value id = batch_.value(plan, row, *id_field);
    group = id.is_missing() ? group_of_arrival(arrival) : group_of_id(bits_of_id(id, scratch_));
  } else {
    identity = cep::row_identity(plan, batch_, row).bytes;
    message.identity = identity;
    group = group_of_identity(identity);
  }
  body_.clear();
  ByteWriter to(body_);
  write_line_message(to, message);
  outbox_.put(cep::kOfNoPlan, {cep::StageEdge::To::kIntake, 0}, cep::MessageKind::kLine,
              std::span(&group, 1), body_);
  last_sent_ = arrival;
  constexpr std::size_t kRowsMax = 1'024;
  if (batch_.rows.size() < kRowsMax) return;
  decoder_.finish();
  batch_.clear();
  decoder_.begin(batch_);
}
}  // namespace tocsin::runtime
