/// The identity of an event of a type without an id field, from its row.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "cep/data/batch.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/identity.h"

namespace tocsin::cep {
/// An alert's is its id. Others: the row's own bytes where the batch has identities; else from all
/// declared fields that are not computed: by the batch's `fields_of`, else from its columns, which
/// then have them all.
EventIdentity row_identity(const Plan& plan, const Batch& batch, const Row& row);
/// The bytes of what identity_of_fields() gives, with this number among equals in the place of
/// theirs.
std::string numbered_identity(std::string_view bytes, std::uint32_t number);
}  // namespace tocsin::cep
