#include "cep/eval/computed.h"

#include <algorithm>

#include "cep/compile/program.h"
#include "cep/eval/eval.h"
#include "cep/plan/event_type.h"

namespace tocsin::cep {
namespace {
void make_room(Column& column, const Type& type, std::size_t entries) {
  column.known.assign(entries, 0);
  if (type.kind == TypeKind::kString) {
    column.texts.assign(entries, {});
  } else {
    column.words.assign(entries, 0);
  }
}
}  // namespace

std::uint64_t fill_computed(const Program& program, Batch& batch) {
  const ProgramImpl& impl = program.impl();
  std::uint64_t values_missing = 0;
  Column one;
  for (std::size_t t = 0; t < impl.computed.size(); ++t) {
    if (impl.computed[t].empty()) continue;
    std::size_t entries = 0;
    for (const Row& row : batch.rows) {
      if (row.type.value == t) entries = std::max<std::size_t>(entries, row.index + 1);
    }
    // A field may read those before it.
    for (const FieldIndex index : impl.computed[t]) {
      const Field& field = impl.plan->event_types[t].fields[index.value];
      Column& column = batch.types[t].fields[index.value];
      make_room(column, field.type, entries);
      for (const Row& row : batch.rows) {
        if (row.type.value != t) continue;
        EvalScope scope{impl};
        scope.batch = &batch;
        scope.values_missing = &values_missing;
        const Value value = evaluate(*field.computed, EventView{&row, nullptr}, scope);
        const Value fitting = value_as(field.type, value);
        if (fitting.is_missing()) {
          if (!value.is_missing()) ++values_missing;
          continue;
        }
        one.known.clear();
        one.texts.clear();
        one.words.clear();
        append_value(one, field.type, fitting, batch.texts);
        column.known[row.index] = 1;
        if (field.type.kind == TypeKind::kString) {
          column.texts[row.index] = one.texts.front();
        } else {
          column.words[row.index] = one.words.front();
        }
      }
    }
  }
  return values_missing;
}
}  // namespace tocsin::cep
