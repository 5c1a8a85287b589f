/// The sparse predicates that hold at a slice's rows, found from the values of the rows' fields
/// (cep/compile/predicate_index.h).
#pragma once
#include <algorithm>
#include <compare>
#include <cstdint>
#include <utility>
#include <vector>

#include "cep/compile/predicate_index.h"
#include "cep/data/batch.h"
#include "cep/eval/atom_bits.h"

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
  /// Predicates, and groups of them, that were looked at for an entry, ever.
  std::uint64_t work() const { return work_; }

 private:
  using OfType = PredicateIndex::OfType;
  // Memory is fetched for so many entries at once.
  static constexpr std::uint32_t kBlock = 128;
  // A group of targets whose atom holds at an entry.
  struct Reached {
    std::uint32_t entry = 0;
    std::uint32_t group = 0;
    friend auto operator<=>(const Reached&, const Reached&) = default;
  };
  void gather_asked(const OfType& index, EventTypeIndex type, std::uint32_t rows);
  void add_asked(std::uint32_t group, const AtomBits::Words& words);
  void find_of_block(const OfType& index, std::uint32_t begin, std::uint32_t end);
  void reach_by_value(const PredicateIndex::OfField& field, const Column& column,
                      std::uint32_t begin, std::uint32_t end);
  void reach_group(const ValueIndex& values, const ValueIndex::Group& group, std::uint32_t entry);
  bool is_void(std::uint32_t group) const {
    return !void_.empty() && std::binary_search(void_.begin(), void_.end(), group);
  }
  bool admits(const WordBound& bound, std::uint32_t entry) const;
  void ask_targets(std::uint32_t group, std::uint32_t entry);
  bool holds(const PredicateTarget& target, std::uint32_t entry) const;
  void close_entry(std::uint32_t entry);

  const ProgramImpl& program_;
  const AtomBits* atoms_ = nullptr;
  const Batch* batch_ = nullptr;
  std::vector<List> lists_;
  // The current type: its columns by PredicateIndex::OfType::fields, null where all is missing.
  EventTypeIndex type_;
  std::vector<const Column*> columns_;
  // What the index by values cannot tell, ascending: text searches, lists that were changed.
  std::vector<Reached> asked_;
  std::size_t next_asked_ = 0;
  std::vector<std::uint32_t> void_;  // groups behind those lists, ascending
  // The current block of entries.
  std::vector<std::pair<std::uint32_t, std::uint32_t>>
      found_;  // entries and places of their values
  std::vector<Reached> reached_;
  std::vector<std::uint32_t> lists_of_entry_;  // that the current entry has added to
  AtomBits::Words words_;
  std::uint64_t work_ = 0;
};
}  // namespace tocsin::cep
