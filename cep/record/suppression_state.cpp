#include "cep/record/suppression_state.h"

#include <algorithm>

namespace tocsin::cep {
bool SuppressionState::has_taken(const VariableEvent& event) const {
  return std::binary_search(taken.begin(), taken.end(), event);
}

bool SuppressionState::take(const VariableEvent& event) {
  const auto place = std::lower_bound(taken.begin(), taken.end(), event);
  if (place != taken.end() && *place == event) return false;
  taken.insert(place, event);
  return true;
}
}  // namespace tocsin::cep
