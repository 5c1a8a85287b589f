#include "cep/plan/function_name.h"

#include <array>
#include <cstddef>

namespace tocsin::cep {
namespace {
constexpr std::array kFunctionNames = {
    "abs",     "round", "floor",       "ceil",  "sqrt",       "ln",        "exp",       "pow",
    "min",     "max",   "lower",       "upper", "length",     "substring", "normalize", "hour",
    "weekday", "date",  "distance_km", "ip_in", "similarity", "concat",    "split",     "capture"};
static_assert(kFunctionNames.size() == static_cast<std::size_t>(Function::kCapture) + 1);
}  // namespace

const char* function_name(Function function) {
  return kFunctionNames[static_cast<std::size_t>(function)];
}
}  // namespace tocsin::cep
