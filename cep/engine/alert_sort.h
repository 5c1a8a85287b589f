/// Puts alerts in the order in which they are raised.
#pragma once
#include <cstddef>
#include <vector>

#include "cep/data/alert.h"

namespace tocsin::cep {
/// Keeps its memory between calls. Threading: one caller at a time.
class AlertSort {
 public:
  /// Sorts the alerts from index `first` on (is_raised_before()). Places are sorted, and each
  /// alert, which is large, moves once.
  void from(std::vector<Alert>& alerts, std::size_t first);

 private:
  std::vector<std::size_t> places_;
};
}  // namespace tocsin::cep
