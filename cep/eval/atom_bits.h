/// The truth of atoms over a slice: bitmaps of those that the index says (PredicateIndex); the
/// others are asked for one entry.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/base/workers.h"
#include "cep/compile/atoms.h"
#include "cep/data/batch.h"
#include "cep/eval/text_bits.h"

namespace tocsin::cep {
class ProgramImpl;
class ListProgram;
/// Columns of texts as words (cep/value/short_text.h), each made once for all atoms that compare
/// it.
class PackedTexts {
 public:
  /// Columns of another type, or of other rows, come from here on.
  void begin() { ++type_; }
  /// The words of a range of entries, which is the same in each call between two of begin().
  const std::int64_t* of(FieldIndex field, const Column& column, PartRange entries);

 private:
  struct Packed {
    std::uint64_t type = 0;  // of begin() calls, the one that it was made in
    std::vector<std::int64_t> words;
  };
  std::uint64_t type_ = 0;
  std::vector<Packed> by_field_;
};
/// The atoms' bitmaps over one slice: a bit for each entry of its type's columns.
class AtomBits {
 public:
  using Words = std::vector<std::uint64_t>;
  /// Evaluates with several threads where there are enough rows; `workers` may be null, and outlive
  /// it.
  explicit AtomBits(Workers* workers = nullptr) : workers_(workers) {}
  /// Takes a batch, which outlives the questions about it, and evaluates the atoms that have
  /// bitmaps; `rows_of_type[t]` entries of type t count. Adds to `values_missing` for each
  /// arithmetic that overflowed or was undefined.
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
  /// What combine() needs, one for each thread that calls it.
  using Stack = std::vector<Words>;
  /// The bits of a formula over a range of a type's entries, which begins at a multiple of 64, into
  /// `out`: the bits of the range alone. Requires that its atoms have bitmaps.
  void combine(const AtomFormula& formula, PartRange entries, Stack& stack, Words& out) const;
  /// Whether an atom of the type holds at an entry.
  bool holds(std::uint32_t atom, EventTypeIndex type, std::uint32_t entry) const;
  /// Whether a formula does.
  bool holds(const AtomFormula& formula, EventTypeIndex type, std::uint32_t entry) const;
  /// The entries where a text search's atom holds.
  const Words& found(std::uint32_t atom) const;

 private:
  void evaluate(const ProgramImpl& program, const Batch& batch,
                const std::vector<std::uint32_t>& rows_of_type, bool only_alerts,
                std::uint64_t& values_missing);

  void evaluate_part(const std::vector<std::uint32_t>& rows_of_type, bool only_alerts,
                     std::uint32_t part, std::uint32_t parts);
  void evaluate_expressions(bool only_alerts, std::uint64_t& values_missing);
  const ListProgram* asked_list(const Atom& atom) const;
  void evaluate_column(const Atom& atom, EventTypeIndex type, std::uint32_t rows, PartRange entries,
                       PackedTexts& packed, std::uint64_t* out) const;
  bool holds_at_column(const Atom& atom, EventTypeIndex type, std::uint32_t entry) const;
  const std::vector<EventTime>& times_of(EventTypeIndex type) const;

  Workers* workers_;
  const ProgramImpl* program_ = nullptr;
  const Batch* batch_ = nullptr;
  std::vector<Words> bits_;  // by bitmap
  TextBits texts_;
  std::vector<PackedTexts> packed_;  // by part
  mutable std::vector<std::uint8_t> truths_;
  // When the entries of a type happened; empty until somebody asks.
  mutable std::vector<std::vector<EventTime>> times_;
};
}  // namespace tocsin::cep
