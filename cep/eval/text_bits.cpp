#include "cep/eval/text_bits.h"

#include "cep/compile/program.h"
#include "cep/data/text_search.h"
#include "cep/eval/eval.h"

namespace tocsin::cep {
namespace {
void set_bit(RowBits& words, std::uint32_t row) {
  words[row / 64] |= std::uint64_t{1} << (row % 64);
}
bool has_bit(const RowBits& words, std::uint32_t row) {
  return (words[row / 64] >> (row % 64) & 1) != 0;
}
}  // namespace

bool TextVisit::operator()(std::size_t i, const TextMatch& match) {
  const std::string_view text = texts_[i];
  const std::uint32_t row = rows_[i];
  for (const SearchedText::Use& use : searched_.uses[match.pattern]) {
    if (use.word && !is_word(text, match.begin, match.end)) continue;
    set_bit(found_[use.slot], row);
  }
  if (!TextDatabase::is_scanned_alone(text.size())) return true;
  if (i != alone_) undecided_ = 0;
  alone_ = i;
  while (undecided_ < searched_.slots && has_bit(found_[undecided_], row)) ++undecided_;
  return undecided_ < searched_.slots;
}

// Scans the texts that were gathered.
void TextBits::scan(const SearchedText& searched, const Gathered& gathered, Result& result) {
  for (const std::uint32_t row : gathered.rows) set_bit(result.known, row);
  searched.database.scan_texts(gathered.texts,
                               TextVisit(searched, gathered.texts, gathered.rows, result.found));
}

void TextBits::evaluate(const ProgramImpl& program, const TextAtoms& atoms, const Batch& batch,
                        const std::vector<std::uint32_t>& rows_of_type,
                        std::uint64_t& values_missing) {
  const std::vector<SearchedText>& texts = atoms.texts();
  results_.resize(texts.size());
  gathered_.resize(texts.size());
  std::vector<std::vector<std::uint32_t>> by_row(rows_of_type.size());
  bool has_expressions = false;
  for (std::uint32_t t = 0; t < texts.size(); ++t) {
    const SearchedText& searched = texts[t];
    Result& result = results_[t];
    const std::uint32_t rows = rows_of_type[searched.type.value];
    const std::size_t words = (rows + 63) / 64;
    result.found.resize(searched.slots);
    for (Words& found : result.found) found.assign(words, 0);
    result.known.assign(words, 0);
    gathered_[t].clear();
    if (!searched.column) {
      by_row[searched.type.value].push_back(t);
      has_expressions = true;
      continue;
    }
    const Column& column = batch.types[searched.type.value].fields[searched.column->value];
    if (column.known.size() < rows) continue;  // a field that nothing filled is missing
    for (std::uint32_t row = 0; row < rows; ++row) {
      if (column.known[row] != 0) gathered_[t].add(row, column.texts[row]);
    }
  }
  if (has_expressions) {
    EvalScope scope{program};
    scope.batch = &batch;
    scope.values_missing = &values_missing;
    for (const Row& row : batch.rows) {
      for (const std::uint32_t t : by_row[row.type.value]) {
        const Value value = cep::evaluate(*texts[t].operand, EventView{&row, nullptr}, scope);
        if (!value.is_missing()) gathered_[t].add(row.index, value.text);
      }
    }
  }
  for (std::uint32_t t = 0; t < texts.size(); ++t) scan(texts[t], gathered_[t], results_[t]);
}
}  // namespace tocsin::cep
