/// One slice in work: its rows, the atoms' bits over them, and the value columns that cross between
/// passes.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/atoms.h"
#include "cep/batch.h"
#include "cep/program.h"

namespace tocsin::cep {
class Slice {
 public:
  explicit Slice(const ProgramImpl& program);
  /// Evaluates the atoms over a batch's rows. Adds to `values_missing`.
  void begin(const Batch& batch, std::uint64_t& values_missing);
  const Batch& batch() const { return *batch_; }
  const AtomBits& atoms() const { return atoms_; }
  /// Entries of the type's columns that rows of this slice have.
  std::uint32_t rows_of(EventTypeIndex type) const { return rows_of_type_[type.value]; }
  /// A probed feature's values by row of the slice; missing where nothing wrote one.
  std::vector<Value>& values(FeatureIndex feature) { return values_[feature.value]; }
  /// The arena of texts that value columns hold.
  TextArena& value_texts() { return value_texts_; }
  /// Marks a row as one that reached a key record.
  void mark_relevant(std::uint32_t row) { relevant_[row] = 1; }
  std::uint64_t relevant_rows() const;

 private:
  const ProgramImpl& program_;
  const Batch* batch_ = nullptr;
  AtomBits atoms_;
  std::vector<std::uint32_t> rows_of_type_;
  std::vector<std::vector<Value>> values_;  // by feature
  TextArena value_texts_;
  std::vector<std::uint8_t> relevant_;
};
}  // namespace tocsin::cep
