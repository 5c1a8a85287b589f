/// The names of functions.
#pragma once
#include "cep/plan/expr.h"

namespace tocsin::cep {
/// As rules write it: "distance_km".
const char* function_name(Function function);
}  // namespace tocsin::cep
