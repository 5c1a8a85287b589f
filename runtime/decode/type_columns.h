/// The columns of one event type in the batch that is being decoded: their entries grow ahead of
/// the rows.
#pragma once
#include <cstddef>

#include "cep/data/batch.h"
#include "runtime/decode/type_plan.h"

namespace tocsin::runtime {
/// Doubles the entries of the type's columns; the new ones are missing. The leaves of `type` then
/// point to the entries' new place.
void grow_columns(TypePlan& type, cep::TypeColumns& columns);
/// Gives the columns an entry for each row of the type, and no more.
void trim_columns(const TypePlan& type, cep::TypeColumns& columns);
/// Bytes of all entries of the type's columns.
std::size_t column_bytes(const TypePlan& type);
}  // namespace tocsin::runtime
