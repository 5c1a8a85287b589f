/// The declaration of an event type that a file names and no file declares.
#pragma once
#include <optional>
#include <string>

#include "library/language/checked_pack.h"

namespace tocsin::library {
struct DeclaredEvent {
  std::string name;  // as written
  rules::Edit edit;  // of the file that names it
};
/// A declaration of the event type named at `named`, with a time field and the fields that this
/// file uses of it. The type of a field is that of the same name in another event type, else what
/// the file compares it with or a test gives it; where neither says one, `string`. It stands behind
/// the file's last event type, else before its first declaration that is no `use`. Absent where the
/// name is declared.
std::optional<DeclaredEvent> declared_event(const CheckedPack& pack, rules::SourceSpan named);
}  // namespace tocsin::library
