/// Whether a plan compiles, for those who do not run it.
#pragma once
#include <memory>

#include "cep/base/result.h"
#include "cep/data/scan_database.h"
#include "cep/plan/limits.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
/// Fails as compile() does. Where one text is searched for more than 1,000 regular expressions, no
/// automaton is made of what texts are searched for: it takes seconds, and each expression was
/// checked alone (check_regex). `cache` may be null.
Result<void> check_program(std::shared_ptr<const Plan> plan, const Limits& limits = {},
                           TextDatabaseCache* cache = nullptr);
}  // namespace tocsin::cep
