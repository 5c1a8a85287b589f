/// The outcomes of text tests over a slice.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "cep/compile/text_atoms.h"
#include "cep/data/batch.h"

namespace tocsin::cep {
class ProgramImpl;
/// The outcomes of all text tests over one slice: a bit for each row of the test's type.
class TextBits {
 public:
  using Words = std::vector<std::uint64_t>;
  /// Scans every row's texts. Adds to `values_missing` as AtomBits::evaluate does.
  void evaluate(const ProgramImpl& program, const TextAtoms& atoms, const Batch& batch,
                const std::vector<std::uint32_t>& rows_of_type, std::uint64_t& values_missing);
  /// Rows for which the test is true; rows whose text is known.
  const Words& found(TextTest test) const { return results_[test.text].found[test.slot]; }
  const Words& known(TextTest test) const { return results_[test.text].known; }

 private:
  struct Result {
    std::vector<Words> found;  // by slot
    Words known;
  };
  static void scan(const SearchedText& searched, std::string_view text, std::uint32_t row,
                   Result& result);
  std::vector<Result> results_;  // by text
};
}  // namespace tocsin::cep
