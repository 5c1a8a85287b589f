#include "api/trace/line_fields.h"

#include <limits>

#include "cep/data/row_identity.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "runtime/io/line_splitter.h"

namespace tocsin::api {
namespace {
// What was taken in before is as long as it may be.
constexpr std::size_t kAnyLength = std::numeric_limits<std::size_t>::max() / 4;

std::vector<std::vector<bool>> all_fields(const cep::Plan& plan) {
  std::vector<std::vector<bool>> used;
  for (const cep::EventType& type : plan.event_types) {
    std::vector<bool>& fields = used.emplace_back();
    for (const cep::Field& field : type.fields) fields.push_back(!field.computed);
  }
  return used;
}
}  // namespace

LineFields::LineFields(const cep::Plan& plan)
    : plan_(plan),
      used_types_(plan.event_types.size(), true),
      decoder_(plan, all_fields(plan), used_types_, {kAnyLength, 1}) {}

const cep::Row* LineFields::row(std::string_view line) {
  text_.assign(line);
  const std::size_t size = text_.size();
  text_.append(runtime::kLinePadding, '\n');
  decoder_.decode(std::string_view(text_).substr(0, size), false, block_);
  const bool has_row = block_.lines.size() == 1 && block_.lines.front().used;
  return has_row ? &block_.batches.front()->rows.front() : nullptr;
}

cep::Value LineFields::value(const cep::Row& row, std::size_t field) const {
  const cep::Batch& batch = *block_.batches.front();
  return cep::column_value(plan_.event_types[row.type.value].fields[field].type,
                           batch.types[row.type.value].fields[field], row.index);
}

std::string LineFields::identity(const cep::Row& row) const {
  const cep::EventType& type = plan_.event_types[row.type.value];
  if (type.id_field) return cep::to_text(value(row, type.id_field->value));
  return cep::row_identity(plan_, *block_.batches.front(), row).text;
}
}  // namespace tocsin::api
