#include <algorithm>
#include <cstring>

#include "cep/base/assert.h"
#include "cep/plan/plan.h"
#include "runtime/decode/declared_fields.h"
#include "runtime/decode/decode_problem.h"
#include "runtime/decode/decoder_fields.h"
#include "runtime/decode/decoder_impl.h"
#include "runtime/decode/field_value.h"
#include "runtime/decode/type_columns.h"

namespace tocsin::runtime {
Decoder::Impl::Impl(const cep::Plan& plan, TypePlans types)
    : plan_(plan),
      types_(std::move(types.types)),
      word_tables_(std::move(types.word_tables)),
      names_(std::move(types.names)),
      seen_((types.key_count_max + 63) / 64) {
  ignored_.objects.resize(1);
}

void Decoder::Impl::begin(cep::Batch& batch) {
  if (batch_ != nullptr) finish();
  TOCSIN_ASSERT(batch.rows.empty() && batch.types.size() == types_.size(),
                "the batch is made for the plan and empty");
  batch_ = &batch;
  batch.fields_of = declared_fields;
  for (TypePlan& type : types_) {
    type.rows = 0;
    type.capacity = 0;
  }
  text_at_ = nullptr;
  text_end_ = nullptr;
}

void Decoder::Impl::finish() {
  if (batch_ == nullptr) return;
  for (std::size_t t = 0; t < types_.size(); ++t) {
    trim_columns(types_[t], batch_->types[t]);
  }
  // One block for the next batch's texts if it is like this one.
  constexpr std::size_t kTextBlockBytesMax = std::size_t{4} << 20;
  text_block_bytes_ = std::clamp(batch_->texts.bytes(), text_block_bytes_, kTextBlockBytesMax);
  batch_ = nullptr;
}

void Decoder::Impl::keep(cep::EventTime engine_time, cep::ArrivalNumber arrival) {
  cep::Row& row = batch_->rows.emplace_back();
  row.type = cep::EventTypeIndex(static_cast<std::size_t>(type_index_));
  row.index = type_->rows++;
  row.engine_time = engine_time;
  row.ts = ts_;
  row.arrival = arrival;
  if (type_->keeps_line) {
    char* const room = text_room(line_.size());
    std::memcpy(room, line_.data(), line_.size());
    text_at_ += line_.size();
    row.raw = {room, line_.size()};
  }
}

void Decoder::Impl::drop() {
  for (Leaf& leaf : type_->leaves) {
    if (!leaf.has_column) continue;
    leaf.known_entries[row_] = 0;
    if (leaf.kind == cep::TypeKind::kString) {
      leaf.text_entries[row_] = {};
    } else {
      leaf.word_entries[row_] = 0;
    }
  }
}

std::size_t Decoder::Impl::batch_bytes() const {
  if (batch_ == nullptr) return 0;
  std::size_t bytes = batch_->rows.capacity() * sizeof(cep::Row) + batch_->texts.bytes();
  for (const TypePlan& type : types_) bytes += column_bytes(type);
  return bytes;
}

LineFault Decoder::Impl::fault() const {
  const cep::EventType* const type =
      type_index_ < 0 ? nullptr : &plan_.event_types[static_cast<std::size_t>(type_index_)];
  return {{verdict_, json_fault_, offender_}, type};
}

Decoder::Decoder(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
                 const std::vector<bool>& used_types)
    : impl_(std::make_unique<Impl>(plan, plan_types(plan, used_fields, used_types))) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
void Decoder::begin(cep::Batch& batch) { impl_->begin(batch); }
Decoded Decoder::decode(std::string_view line, MarkedLines* marked) {
  return impl_->decode(line, marked);
}
std::size_t Decoder::decode_known(std::string_view text, std::size_t line_bytes_max,
                                  std::size_t rows_max, MarkedLines& marked, DecodedBlock& block) {
  return impl_->decode_known(text, line_bytes_max, rows_max, marked, block);
}
void Decoder::keep(cep::EventTime engine_time, cep::ArrivalNumber arrival) {
  impl_->keep(engine_time, arrival);
}
void Decoder::drop() { impl_->drop(); }
void Decoder::finish() { impl_->finish(); }
std::size_t Decoder::batch_bytes() const { return impl_->batch_bytes(); }
LineFault Decoder::fault() const { return impl_->fault(); }
std::string Decoder::dead_letter_reason() const {
  const LineFault fault = impl_->fault();
  return dead_letter_text(fault.problem, fault.type);
}
std::string Decoder::ignored_type() const { return type_text(impl_->fault().problem.offender); }
std::span<const FieldProblem> Decoder::problems() const { return impl_->problems(); }
std::string Decoder::describe(const FieldProblem& problem, std::string_view place) const {
  return field_problem_text(impl_->plan(), problem, place);
}
}  // namespace tocsin::runtime
