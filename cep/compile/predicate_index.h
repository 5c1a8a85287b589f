/// The index over predicates: how a row finds, from the values of its own fields, the predicates
/// that may hold at it, so that rules which an event cannot concern cost nothing.
///
/// Predicates are of two sorts. A **dense** one is evaluated over whole columns and has a bit in
/// each row's mask: this is cheapest for what many rows meet, and for small sets. A **sparse** one
/// is reached through the most selective condition that it cannot hold without: an equality, a
/// list, a searched text or a range of one field. Only at rows that meet this condition are its
/// other conditions asked.
///
/// Invariants: a sparse predicate that holds at a row has a target at an atom that holds there. An
/// atom has a bitmap if a dense predicate reads it, or if evaluating it may count a missing value;
/// all others are asked for a row when a target needs them.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "cep/base/index.h"
#include "cep/compile/value_index.h"

namespace tocsin::cep {
/// A range of one field that a target's predicate requires.
struct RequiredRange {
  FieldIndex field;
  std::int64_t low = 0;
  std::int64_t high = 0;
};
/// A sparse predicate of a table, at a place as Predicate::by_type has them.
struct PredicateTarget {
  std::uint32_t table = 0;
  std::uint32_t place = 0;
  std::uint32_t list = 0;  // of hits: a number for each table and place
  std::uint32_t predicate = 0;
  std::uint32_t ranges_begin = 0;  // of PredicateIndex::ranges
  std::uint32_t ranges_end = 0;
  bool has_more = false;  // it requires more than its atom and these ranges
};

struct PredicateIndex {
  static constexpr std::uint32_t kNoBitmap = UINT32_MAX;
  /// What finds the atoms of one field.
  struct OfField {
    FieldIndex field;
    bool is_text = false;
    ValueIndex values;
    RangeIndex ranges;
  };
  struct OfType {
    std::vector<std::uint32_t> evaluated;  // atoms with bitmaps
    std::vector<OfField> fields;
    std::vector<std::uint32_t> listed;  // atoms of `fields` whose values are a list's
    std::vector<std::uint32_t> found;   // atoms of text searches that have targets
    std::vector<std::uint32_t> lists;   // of hits
  };
  std::vector<OfType> types;           // by event type
  std::vector<std::uint32_t> bitmaps;  // by atom; kNoBitmap
  std::uint32_t bitmap_count = 0;
  std::uint32_t list_count = 0;
  std::vector<std::uint32_t> first_list;     // by table: of its place 0
  std::vector<std::uint32_t> targets_begin;  // by atom, and one more
  std::vector<PredicateTarget> targets;
  std::vector<RequiredRange> ranges;

  std::span<const PredicateTarget> targets_of(std::uint32_t atom) const {
    return {targets.data() + targets_begin[atom], targets_begin[atom + 1] - targets_begin[atom]};
  }
};
}  // namespace tocsin::cep
