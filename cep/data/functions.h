/// The rule language's functions over values: one definition for whoever evaluates.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "cep/data/batch.h"
#include "cep/plan/expr.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// What `concat` makes has at most so many bytes; what would be longer is missing.
inline constexpr std::size_t kMadeTextBytesMax = 65'536;
/// `function` of `args`, as `result` type. For all but `capture` (TextSearch::capture). Missing
/// where an operand is or the result is undefined
/// (`sqrt(-1)`, an overflow, a malformed address, a zone that is not among `zones`). Texts that it
/// makes are stored in `texts`, others borrowed from the operands.
Value call_function(Function function, const Type& result, std::span<const Value> args,
                    const std::vector<Zone>& zones, TextArena& texts);
}  // namespace tocsin::cep
