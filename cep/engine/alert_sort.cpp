#include "cep/engine/alert_sort.h"

#include <algorithm>
#include <utility>

#include "cep/data/alert_order.h"

namespace tocsin::cep {
void AlertSort::from(std::vector<Alert>& alerts, std::size_t first) {
  entries_.clear();
  entries_.reserve(alerts.size() - first);
  bool is_sorted = true;
  const auto is_before = [&](const Entry& a, const Entry& b) {
    if (const auto order = a.cause <=> b.cause; order != 0) return order < 0;
    return is_raised_before(alerts[a.place].order, alerts[b.place].order);
  };
  for (std::size_t i = first; i < alerts.size(); ++i) {
    const OrderKey& order = alerts[i].order;
    entries_.push_back({{order.time, order.phase, order.arrival}, i});
    is_sorted = is_sorted && (i == first || !is_before(entries_.back(), *(entries_.end() - 2)));
  }
  if (is_sorted) return;
  std::sort(entries_.begin(), entries_.end(), is_before);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].place == first + i) continue;
    // A cycle of alerts that take each other's places.
    Alert moved = std::move(alerts[first + i]);
    std::size_t to = i;
    while (entries_[to].place != first + i) {
      const std::size_t from = std::exchange(entries_[to].place, first + to);
      alerts[first + to] = std::move(alerts[from]);
      to = from - first;
    }
    alerts[first + to] = std::move(moved);
    entries_[to].place = first + to;
  }
}
}  // namespace tocsin::cep
