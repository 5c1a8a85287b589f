#include "cep/engine/state_shares.h"

#include <algorithm>
#include <functional>

namespace tocsin::cep {
std::vector<StateShare> StateShares::largest(std::size_t most) const {
  std::vector<StateShare> shares;
  for (const auto& [of, bytes] : bytes_) shares.push_back({of.first, of.second, bytes});
  std::ranges::stable_sort(shares, std::ranges::greater(), &StateShare::bytes);
  if (shares.size() > most) shares.resize(most);
  return shares;
}
}  // namespace tocsin::cep
