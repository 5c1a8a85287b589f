#include "cep/plan/suppression_spec.h"

namespace tocsin::cep {
namespace {
const ExprPtr kNone;
}  // namespace

const ExprPtr& Suppression::zone() const {
  const OncePerUnit* const per = as<OncePerUnit>();
  return per != nullptr ? per->zone : kNone;
}

const ExprPtr& Suppression::condition() const {
  const OnceWhile* const quiet = as<OnceWhile>();
  return quiet != nullptr ? quiet->condition : kNone;
}
}  // namespace tocsin::cep
