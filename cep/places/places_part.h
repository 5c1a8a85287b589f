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
/// Adds a first event to what the part compares: `compared(side)` gives the Value of a side of a
/// comparison in it, and `value(side)` a pointer to the key bytes of one, null where it is missing.
template <typename Compared, typename ValueOf>
void push_pair(PlacesPart& part, const PlacesPair& pair, Compared&& compared, ValueOf&& value) {
  std::array<Value, PlacesPair::kOrderedMax> row;
  for (std::size_t i = 0; i < pair.ordered.size(); ++i) {
    row[i] = compared(*pair.ordered[i].of_first);
    row[i].number += pair.ordered[i].more_us;
  }
  if (!pair.ordered.empty()) part.compared->push(std::span(row).first(pair.ordered.size()));
  if (pair.other) part.others->push(value(*pair.other->of_first));
}
/// Adds an empty part for a value, or gives the one that is there.
PlacesPart& part_with(PlacesState& state, const RuleProgram& rule, const std::string& value);
}  // namespace tocsin::cep
