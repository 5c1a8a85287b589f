#include "cep/engine/alert_sort.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "cep/data/alert_order.h"

namespace tocsin::cep {
void AlertSort::from(std::vector<Alert>& alerts, std::size_t first) {
  const auto before = [](const Alert& a, const Alert& b) {
    return is_raised_before(a.order, b.order);
  };
  if (std::is_sorted(alerts.begin() + static_cast<std::ptrdiff_t>(first), alerts.end(), before)) {
    return;
  }
  places_.resize(alerts.size() - first);
  std::iota(places_.begin(), places_.end(), first);
  std::sort(places_.begin(), places_.end(),
            [&](std::size_t a, std::size_t b) { return before(alerts[a], alerts[b]); });
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (places_[i] == first + i) continue;
    // A cycle of alerts that take each other's places.
    Alert moved = std::move(alerts[first + i]);
    std::size_t to = i;
    while (places_[to] != first + i) {
      const std::size_t from = std::exchange(places_[to], first + to);
      alerts[first + to] = std::move(alerts[from]);
      to = from - first;
    }
    alerts[first + to] = std::move(moved);
    places_[to] = first + to;
  }
}
}  // namespace tocsin::cep
