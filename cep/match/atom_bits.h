/// The truth of all atoms over a slice, as bitmaps.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/compile/atoms.h"
#include "cep/data/batch.h"
#include "cep/match/text_bits.h"

namespace tocsin::cep {
class ProgramImpl;
/// The atoms' bitmaps over one slice: a bit for each entry of its type's columns.
class AtomBits {
 public:
  using Words = std::vector<std::uint64_t>;
  /// Evaluates all atoms over `batch`; `rows_of_type[t]` entries of type t count. Adds to
  /// `values_missing` for each arithmetic that overflowed or was undefined.
  void evaluate(const ProgramImpl& program, const Batch& batch,
                const std::vector<std::uint32_t>& rows_of_type, std::uint64_t& values_missing) {
    evaluate(program, batch, rows_of_type, false, values_missing);
  }
  /// The same for alerts' types alone, whose entries came later; the others' bits stay.
  void evaluate_alerts(const ProgramImpl& program, const Batch& batch,
                       const std::vector<std::uint32_t>& rows_of_type,
                       std::uint64_t& values_missing) {
    evaluate(program, batch, rows_of_type, true, values_missing);
  }
  /// The bits of a formula over type's `rows` entries, into `out`.
  void combine(const AtomFormula& formula, std::uint32_t rows, Words& out) const;

 private:
  void evaluate(const ProgramImpl& program, const Batch& batch,
                const std::vector<std::uint32_t>& rows_of_type, bool only_alerts,
                std::uint64_t& values_missing);

  std::vector<Words> bits_;  // by atom
  TextBits texts_;
  mutable std::vector<Words> stack_;
};
}  // namespace tocsin::cep
