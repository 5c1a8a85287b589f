/// Puts alerts in the order in which they are raised.
#pragma once
#include <compare>
#include <cstddef>
#include <vector>

#include "cep/data/alert.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// Keeps its memory between calls. Threading: one caller at a time.
class AlertSort {
 public:
  /// Sorts the alerts from index `first` on (is_raised_before()). Their causes are sorted, with
  /// the alerts' places, and each alert, which is large, moves once.
  void from(std::vector<Alert>& alerts, std::size_t first);

 private:
  // What an order begins with: alerts of different causes are told apart by it.
  struct Cause {
    EventTime time;
    Phase phase;
    ArrivalNumber arrival;
    friend auto operator<=>(const Cause&, const Cause&) = default;
  };
  struct Entry {
    Cause cause;
    std::size_t place;  // of the alert
  };
  std::vector<Entry> entries_;
};
}  // namespace tocsin::cep
