#include "cep/plan/plan.h"

#include "cep/plan/event_type.h"
#include "cep/plan/feature.h"
#include "cep/plan/reference.h"
#include "cep/plan/rule.h"
#include "cep/plan/zone.h"

namespace tocsin::cep {
Plan::Plan() = default;
Plan::~Plan() = default;
Plan::Plan(const Plan&) = default;
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(const Plan&) = default;
Plan& Plan::operator=(Plan&&) noexcept = default;
}  // namespace tocsin::cep
