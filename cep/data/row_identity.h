/// The identity of an event of a type without an id field, from its row.
#pragma once
#include "cep/data/batch.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/identity.h"

namespace tocsin::cep {
/// An alert's is its id. Others: the row's own bytes where the batch has identities; else from all
/// declared fields that are not computed: by the batch's `fields_of`, else from its columns, which
/// then have them all.
EventIdentity row_identity(const Plan& plan, const Batch& batch, const Row& row);
}  // namespace tocsin::cep
