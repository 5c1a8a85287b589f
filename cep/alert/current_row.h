/// An event at one of its keys.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "cep/compile/program.h"
#include "cep/data/batch.h"
#include "cep/record/key_record.h"
#include "cep/record/key_table.h"

namespace tocsin::cep {
class FeatureStore;
class FeatureReader;
/// Of several roles the first counts.
inline std::uint32_t place_of_role(std::uint32_t roles) {
  return roles == 0 ? 0 : static_cast<std::uint32_t>(std::countr_zero(roles));
}
/// The current event at one key.
struct CurrentRow {
  const Row* row = nullptr;
  std::uint32_t number = 0;                   // of the row in its slice
  const std::uint64_t* predicates = nullptr;  // its bits of the table's dense predicates
  const std::uint32_t* places = nullptr;      // TableProgram::predicate_places; null: all are dense
  std::span<const std::uint32_t> sparse;      // the sparse predicates that hold, ascending
  KeySlot* slot = nullptr;      // null: nothing is live here and nothing that needs a record begins
  std::byte* record = nullptr;  // the slot's; null: none yet
  FeatureStore* features = nullptr;  // has the features of this table
  FeatureReader* reader = nullptr;   // reads any feature at this row
  std::string_view key;
  std::uint32_t roles = 0;  // in which it is this key's, as bits by place; 0 without roles
  Offset event = 0;         // where it is captured in the record; 0: not yet

  bool satisfies(std::uint32_t predicate) const {
    std::uint32_t place = predicate;
    if (places != nullptr) {
      place = places[predicate];
      if (place == TableProgram::kSparse) {
        return std::binary_search(sparse.begin(), sparse.end(), predicate);
      }
    }
    return (predicates[place / 64] >> (place % 64) & 1) != 0;
  }
};
}  // namespace tocsin::cep
