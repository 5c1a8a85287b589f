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
  // The texts of the rows that have one.
  struct Gathered {
    std::vector<std::uint32_t> rows;
    std::vector<std::string_view> texts;
    void add(std::uint32_t row, std::string_view text) {
      rows.push_back(row);
      texts.push_back(text);
    }
    void clear() {
      rows.clear();
      texts.clear();
    }
  };
  static void scan(const SearchedText& searched, const Gathered& gathered, Result& result);

  std::vector<Result> results_;     // by text
  std::vector<Gathered> gathered_;  // the same
};
}  // namespace tocsin::cep
