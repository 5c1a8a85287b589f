/// Which alerts go in one message: those for which the same things are the same.
#pragma once
#include <string>
#include <vector>

#include "cep/value/time.h"
#include "runtime/effects/effects.h"

namespace tocsin::api {
/// As a subscription says it.
struct GroupSettings {
  std::vector<std::string> by;     // "rule", "severity", parts of the key, fields; none: all in one
  cep::Duration wait{30'000'000};  // after a group's first alert
  cep::Duration interval{300'000'000};  // between two messages of a group
};
/// What an alert's group has in common, a JSON object with a member for each of `by` that the alert
/// has: its own rule or severity, else the part of its key, else the field of that name.
std::string group_subject(const std::vector<std::string>& by, const runtime::StoredAlert& alert);
}  // namespace tocsin::api
