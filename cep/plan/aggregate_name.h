/// What the rule language calls aggregates.
#pragma once
#include "cep/plan/expr.h"

namespace tocsin::cep {
/// `count`, `stddev_pop`.
const char* aggregate_name(Aggregate aggregate);
}  // namespace tocsin::cep
