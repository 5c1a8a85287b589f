/// The index over predicates: how a row finds, from the values of its own fields, the predicates
/// that may hold at it, so that rules which an event cannot concern cost nothing.
///
/// Predicates are of two sorts. A **dense** one is evaluated over whole columns and has a bit in
/// each row's mask: this is cheapest for what many rows meet, and for small sets. A **sparse** one
/// is reached through the most selective condition that it cannot hold without: an equality, a
/// list, a searched text or a range of one field. Only at rows that meet this condition are its
/// other conditions asked, a range of another field first: what one value or one atom reaches is
/// sorted by it, so that a row reads no more of it than it meets, and one besides.
///
/// Invariants: a sparse predicate that holds at a row has a target at an atom that holds there. An
/// atom has a bitmap if a dense predicate reads it, or if evaluating it may count a missing value;
/// all others are asked for a row when a target needs them.
#pragma once
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "cep/base/index.h"
#include "cep/compile/value_index.h"

namespace tocsin::cep {
/// A sparse predicate behind an atom through which it is reached. The targets of one atom whose
/// bounds are of one kind are a **group**: they follow each other, by their bounds, and are named
/// by the place of the first.
struct PredicateTarget {
  WordBound bound;                                               // holds, or the predicate does not
  std::int64_t most = std::numeric_limits<std::int64_t>::max();  // of a lower bound's field
  std::uint32_t list = 0;       // of hits: a number for each table and place
  std::uint32_t predicate = 0;  // of the table's
  std::uint32_t atom = 0;
  bool has_more = false;  // it requires more than its atom, `bound` and `most`
  bool is_last = false;   // of its group
};

struct PredicateIndex {
  static constexpr std::uint32_t kNoBitmap = UINT32_MAX;
  /// What finds, by one field's value, groups of targets whose atoms hold.
  struct OfField {
    FieldIndex field;
    bool is_text = false;
    ValueIndex values;
    RangeIndex ranges;
  };
  struct OfType {
    std::vector<std::uint32_t> evaluated;  // atoms with bitmaps
    std::vector<OfField> fields;
    /// Lists, ascending, each with a group of targets behind an atom in `fields` that has the
    /// list's declared values.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> listed;
    std::vector<std::uint32_t> found;  // groups behind atoms of text searches
    std::vector<std::uint32_t> lists;  // of hits
  };
  std::vector<OfType> types;           // by event type
  std::vector<std::uint32_t> bitmaps;  // by atom; kNoBitmap
  std::uint32_t bitmap_count = 0;
  std::uint32_t list_count = 0;
  std::vector<std::uint32_t> first_list;  // by table: of its place 0
  struct Place {
    std::uint32_t table = 0;
    std::uint32_t place = 0;  // as Predicate::by_type has them
  };
  std::vector<Place> places;  // by list of hits
  std::vector<PredicateTarget> targets;
};
}  // namespace tocsin::cep
