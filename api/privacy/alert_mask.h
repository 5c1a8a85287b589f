/// Alerts without values of fields that are marked `pii`.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "api/privacy/field_sources.h"

namespace tocsin::api {
/// What is known of which values are personal, and the marks that stand for them.
struct AlertMask {
  const FieldSources& sources;
  const FieldNames& personal;  // fields that count as marked
  /// What stands for a value, given as JSON: a JSON string.
  std::function<std::string(std::string_view)> mark;

  bool is_personal(const FieldNames& made_of) const;
  /// The same of a member by its name; one that is not known is.
  bool is_personal(const SourcesByName& members, std::string_view name) const;
};
/// The line with marks for all values that are personal. With `all`, or where its rule is not
/// known, these are all values that rules or events put there.
std::string mask_alert(const AlertMask& mask, std::string_view line, bool all);
}  // namespace tocsin::api
