/// Parts of what places remember (cep/record/places_state.h), made empty.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "cep/compile/program.h"
#include "cep/record/places_state.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// An empty part for the rule.
PlacesPart make_part(const RuleProgram& rule);
/// Of a part with `lengths`: adds that of entry `last` of the loop, whose first place this is.
void push_length(PlacesPart& part, std::uint32_t first_place, std::uint64_t last);
/// Of a loop with an upper count: its first events that have as many are followed by nothing more.
void skip_full_loops(PlacesPart& part, const RuleProgram& rule, std::uint32_t loop);
/// What a side of a comparison says; missing where something in it is. `value_of(expr)` gives the
/// Value of an expression at the side's event.
template <typename ValueOf>
Value value_of_side(const ComparedSide& side, ValueOf&& value_of) {
  if (side.plain != nullptr) return value_of(*side.plain);
  Value sum;
  sum.kind = side.kind;
  sum.scale = side.scale;
  sum.number = side.constant;
  for (const SumPart& part : side.parts) {
    const Value value = value_of(*part.expr);
    if (value.is_missing()) return value;
    sum.number += part.factor * value.number;
  }
  return sum;
}
/// Adds a first event to what the part compares: `compared(expr)` gives the Value of an expression
/// in it, and `value(expr)` a pointer to the key bytes of one, null where it is missing.
template <typename Compared, typename ValueOf>
void push_pair(PlacesPart& part, const PlacesPair& pair, Compared&& compared, ValueOf&& value) {
  std::array<Value, PlacesPair::kOrderedMax> row;
  for (std::size_t i = 0; i < pair.ordered.size(); ++i) {
    row[i] = value_of_side(pair.ordered[i].earlier, compared);
  }
  if (!pair.ordered.empty()) part.compared->push(std::span(row).first(pair.ordered.size()));
  if (pair.other) part.others->push(value(*pair.other->earlier));
}
/// Adds an empty part for a value, or gives the one that is there.
PlacesPart& part_with(PlacesState& state, const RuleProgram& rule, const std::string& value);
}  // namespace tocsin::cep
