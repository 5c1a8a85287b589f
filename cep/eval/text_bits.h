/// The outcomes of text tests over a slice.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "cep/compile/text_atoms.h"
#include "cep/data/batch.h"

namespace tocsin::cep {
class ProgramImpl;
using RowBits = std::vector<std::uint64_t>;

/// Takes the matches in the texts of some rows, for TextDatabase::scan_texts: sets the rows' bits
/// of the slots. Invariant: all slots before `undecided_` are found in the text that is scanned
/// alone.
class TextVisit {
 public:
  /// texts[i] is the text of row rows[i]; `found` has the bits by slot. All are borrowed.
  TextVisit(const SearchedText& searched, std::span<const std::string_view> texts,
            std::span<const std::uint32_t> rows, std::vector<RowBits>& found)
      : searched_(searched), texts_(texts), rows_(rows), found_(found), alone_(texts.size()) {}
  /// Whether to go on: of a text that is scanned alone, until every slot is found.
  bool operator()(std::size_t i, const TextMatch& match);

 private:
  const SearchedText& searched_;
  std::span<const std::string_view> texts_;
  std::span<const std::uint32_t> rows_;
  std::vector<RowBits>& found_;
  std::size_t alone_;  // the text that is scanned alone now
  std::uint32_t undecided_ = 0;
};

/// The outcomes of all text tests over one slice: a bit for each row of the test's type.
class TextBits {
 public:
  using Words = RowBits;
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
