#include "cep/record/budget_bytes.h"

#include <algorithm>

#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
// Adds up the fields of the rule's alerts that `value(field)` gives.
template <typename ValueOf>
std::uint64_t bytes_of(const Rule& rule, EventTypeIndex type, ValueOf&& value_of) {
  std::uint64_t bytes = kEventBytes;
  for (const Captured& captured : rule.captured) {
    if (captured.type != type) continue;
    for (const FieldIndex field : captured.fields) {
      const Value value = value_of(field);
      if (value.is_missing()) continue;
      bytes += value.kind == ValueKind::kString ? value.text.size() : 8;
    }
  }
  return std::min(bytes, kEventBytesMax);
}
}  // namespace

std::uint64_t budget_bytes(const Plan& plan, const Rule& rule, const Batch& batch, const Row& row) {
  return bytes_of(rule, row.type, [&](FieldIndex field) { return batch.value(plan, row, field); });
}
std::uint64_t budget_bytes(const Plan& plan, const Rule& rule, const CaptureLayout& layout,
                           const KeptEvent& event) {
  return bytes_of(rule, EventTypeIndex(event.type),
                  [&](FieldIndex field) { return event.value(plan, layout, field); });
}
}  // namespace tocsin::cep
