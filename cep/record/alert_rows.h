/// Alerts as events: the rows that rules and features of later passes read.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "cep/compile/program.h"
#include "cep/data/alert.h"
#include "cep/data/batch.h"

namespace tocsin::cep {
/// The rows that one slice's alerts have become, in the one total order.
class AlertRows {
 public:
  struct Entry {
    OrderKey order;  // the alert's
    Row row;
    std::uint32_t number = 0;  // in the order in which rows were made
  };
  explicit AlertRows(const ProgramImpl& program);
  /// Forgets all rows of the last slice, and their entries in the columns.
  void clear();
  /// Appends rows for those of `alerts` that anything reads, their values to the columns and texts
  /// of `batch`; gives all rows their places after their causes. False when nothing was added. A
  /// value that does not fit its field is missing, and counted in `values_missing`.
  bool add(std::span<const Alert> alerts, Batch& batch, std::uint64_t& values_missing);
  const std::vector<Entry>& rows() const { return entries_; }

 private:
  void append(const Alert& alert, EventTypeIndex type, Batch& batch, std::uint64_t& values_missing);

  const ProgramImpl& program_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> entries_of_type_;  // of its columns
  Batch* batch_ = nullptr;
};
}  // namespace tocsin::cep
