/// Why a rule raised no alert over events that are no test's: how far it came, and what stopped it.
#pragma once
#include <string>

#include "cep/base/index.h"
#include "cep/base/result.h"
#include "cep/diagnose/replay.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::library {
/// Lines, each ended; times are those of the events. Fails as cep::find_near_miss(). The rule has
/// raised no alert.
Result<std::string> explain_silence(const cep::Plan& plan, cep::RuleIndex rule,
                                    const cep::Replay& replay);
}  // namespace tocsin::library
