/// A list of the plan as it is asked and changed: `in`.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "cep/data/entry_set.h"
#include "cep/plan/reference.h"

namespace tocsin::cep {
/// What a list is of, as rules declare it: "string", "network", "text".
std::string type_name(const List& list);

/// Keys of entries: texts, and words of enums, are themselves; networks are as network_key.h has
/// them; all else is 8 bytes, big endian, in the order of the values: mantissas at the element
/// type's scale, bits of floats, times, …
class ListProgram {
 public:
  /// The list outlives this and its copies.
  explicit ListProgram(const List& list);
  /// Whether an entry with this value holds at engine time `at`. The value is known, and comparable
  /// with the elements.
  bool contains(const Value& value, EventTime at) const;
  /// What `in` gives: as contains(); missing for a text that is no address where the entries are
  /// networks.
  Value is_in(const Value& value, EventTime at) const;
  const List& list() const { return *list_; }
  /// Whether its entries may be changed: phrases and patterns are compiled into searches.
  bool may_change() const {
    return list_->kind == ListKind::kValues || list_->kind == ListKind::kNetwork;
  }
  EntrySet& entries() { return entries_; }
  const EntrySet& entries() const { return entries_; }
  /// The key of a value; nothing where no element of the list can be equal to it.
  std::optional<std::string> key_of(const Value& value) const;
  /// The value of a key.
  OwnedValue value_of(std::string_view key) const;

 private:
  Value plain_value_of(std::string_view key) const;

  const List* list_;
  EntrySet entries_;
};
}  // namespace tocsin::cep
