/// The sparse predicates that hold at a slice's rows, found from the values of the rows' fields
/// (cep/compile/predicate_index.h).
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "cep/compile/predicate_index.h"
#include "cep/data/batch.h"
#include "cep/match/atom_bits.h"

namespace tocsin::cep {
class PredicateHits {
 public:
  /// An entry of a type's columns at which some hold: those of numbers `begin` to before `end`.
  struct Hit {
    std::uint32_t entry = 0;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
  };
  /// Those of one table at one place (Predicate::by_type): entries ascend, and the predicates of
  /// each.
  struct List {
    std::vector<Hit> hits;
    std::vector<std::uint32_t> predicates;
  };
  explicit PredicateHits(const ProgramImpl& program);
  /// Finds those of all types' entries, or of alerts' types alone. `atoms` has evaluated the batch.
  void find(const AtomBits& atoms, const Batch& batch,
            const std::vector<std::uint32_t>& rows_of_type, bool only_alerts);
  const List& of(std::uint32_t table, std::uint32_t place) const;
  /// Predicates that were looked at for an entry, ever.
  std::uint64_t work() const { return work_; }

 private:
  using OfType = PredicateIndex::OfType;
  void gather_asked(const OfType& index, EventTypeIndex type, std::uint32_t rows);
  void find_of_entry(const OfType& index, EventTypeIndex type, std::uint32_t entry);
  void ask_targets(std::uint32_t atom, EventTypeIndex type, std::uint32_t entry);
  void close_entry(std::uint32_t entry);

  const ProgramImpl& program_;
  const AtomBits* atoms_ = nullptr;
  const Batch* batch_ = nullptr;
  std::vector<List> lists_;
  // The type in work: its columns by PredicateIndex::OfType::fields, null where all is missing.
  std::vector<const Column*> columns_;
  // Entries and atoms that hold there, ascending: of text searches and of lists that were changed.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> asked_;
  std::size_t next_asked_ = 0;
  std::vector<std::uint32_t> changed_;         // atoms of those lists, ascending
  std::vector<std::uint32_t> lists_of_entry_;  // that the current entry has added to
  AtomBits::Words words_;
  std::uint64_t work_ = 0;
};
}  // namespace tocsin::cep
