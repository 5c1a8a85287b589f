/// Alerts as columns, for the Arrow C data interface.
#pragma once
#include <cstddef>
#include <deque>
#include <memory>
#include <string_view>

#include "cep/data/alert.h"
#include "cep/plan/plan_fwd.h"
#include "runtime/arrow/arrow_abi.h"

namespace tocsin::library {
/// Alerts that were not taken, in their order. Threading: one caller at a time.
class AlertColumns {
 public:
  AlertColumns();
  ~AlertColumns();
  AlertColumns(const AlertColumns&) = delete;
  AlertColumns& operator=(const AlertColumns&) = delete;

  /// Adds an alert; `json` is its line.
  void add(const cep::Plan& plan, const cep::Alert& alert, std::string_view json);
  /// Memory of the columns, about.
  std::size_t bytes() const;
  /// Moves the first alerts to both structs, as many as one record batch holds; none gives a batch
  /// without rows. Who gets them releases them, on any thread and also after this is gone.
  void take(ArrowSchema& schema, ArrowArray& array);

 private:
  struct Columns;
  std::deque<std::shared_ptr<Columns>> columns_;  // by batch; all but the last are full
  std::size_t full_bytes_ = 0;                    // of those
};
}  // namespace tocsin::library
