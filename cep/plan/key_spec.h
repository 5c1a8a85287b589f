/// The key of a rule or feature: which fields of its event types hold the values by which it
/// separates events.
#pragma once
#include <string>
#include <vector>

#include "cep/base/index.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// One part of a key: for each event type of the rule the field that holds it. A role splits one
/// event type in two.
struct KeyMember {
  EventTypeIndex type;
  FieldIndex field;
  std::string role;  // empty where none
};
struct KeyPart {
  std::string name;
  Type type;
  std::vector<KeyMember> members;
};
/// No parts: one global partition. An event with a missing part is not for the rule.
struct KeySpec {
  std::vector<KeyPart> parts;
};
}  // namespace tocsin::cep
