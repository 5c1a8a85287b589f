/// Which fields a file uses of an event type that nobody declares.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "library/language/checked_pack.h"
#include "rules/syntax/tree.h"

namespace tocsin::library {
/// A field, and what the file says of its type.
struct UsedField {
  std::string name = {};                // without back-quotes
  std::string written = {};             // with them
  std::string type = {};                // "int", "decimal(2)", …; empty: nothing is said
  std::vector<std::string> words = {};  // of an enum; then `type` says nothing
  std::vector<std::string> texts = {};  // strings that the field is compared with or given
  bool may_be_missing = false;          // the file asks whether it is
};
/// In the order of the text. Names that the set declares (constants, lists, features, …) are no
/// fields, and names of steps neither.
std::vector<UsedField> used_fields(const CheckedPack& pack, const rules::tree::File& tree,
                                   std::string_view event);
}  // namespace tocsin::library
