/// Events of types that no rule file declares: a slip of the pen, or the types of others.
#pragma once
#include <string>
#include <string_view>

#include "cep/plan/plan_fwd.h"

namespace tocsin::runtime {
/// How the reason of each such dead letter begins.
inline constexpr std::string_view kUnknownType = "no rule file declares the event type ";
/// Why an event is a dead letter whose `type` is this: the type, the declared one that is spelled
/// nearly so, and what to do. A function of the plan and the type alone; costs by the number of
/// declared types and the length of their names.
std::string unknown_type_reason(const cep::Plan& plan, std::string_view type);
}  // namespace tocsin::runtime
