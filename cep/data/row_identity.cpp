#include "cep/data/row_identity.h"

#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"

namespace tocsin::cep {
EventIdentity row_identity(const Plan& plan, const Batch& batch, const Row& row) {
  const EventType& type = plan.event_types[row.type.value];
  if (type.is_alert()) return identity_of_alert(row.raw);
  if (batch.has_identities) return identity_of_bytes(row.raw);
  TextArena texts;
  std::vector<Value> fields;
  if (batch.fields_of != nullptr) {
    const std::vector<Value> declared = batch.fields_of(plan, row, texts);
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      if (!type.fields[i].computed) fields.push_back(declared[i]);
    }
  } else {
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      if (type.fields[i].computed) continue;
      fields.push_back(batch.value(plan, row, FieldIndex(i)));
    }
  }
  return identity_of_fields(type.name, fields, row.equal_number);
}

std::string numbered_identity(std::string_view bytes, std::uint32_t number) {
  std::string numbered(bytes);
  for (std::size_t i = 0; i < sizeof number && i < numbered.size(); ++i) {
    numbered[numbered.size() - 1 - i] = static_cast<char>(number >> (8 * i) & 0xff);
  }
  return numbered;
}
}  // namespace tocsin::cep
