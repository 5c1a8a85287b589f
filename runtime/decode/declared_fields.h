/// All declared fields of an event from its line: for the identity of events whose schema marks no
/// id.
#pragma once
#include <vector>

#include "cep/data/batch.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/value.h"

namespace tocsin::runtime {
/// The values of all declared fields of a row (cep::Batch::fields_of): of one that kept its line,
/// decoded anew; of one that came by column, from there (declared_columns.h). Texts are borrowed
/// from `scratch`, or from the columns.
std::vector<cep::Value> declared_fields(const cep::Plan& plan, const cep::Row& row,
                                        cep::TextArena& scratch);
}  // namespace tocsin::runtime
