/// Keys of random plans and their members.
#pragma once
#include <string>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/feature.h"
#include "cep/plan/key_spec.h"
#include "cep/plan/plan.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// The event types that have all these fields, or kDeclaredKey.
std::vector<cep::EventTypeIndex> types_with(const cep::Plan& plan,
                                            const std::vector<std::string>& fields);
/// A key part of these event types, which all have its field.
cep::KeyPart key_part(const cep::Plan& plan, const std::string& name,
                      const std::vector<cep::EventTypeIndex>& types);
/// Adds those whose event types the part lacks; they stay in the order of event types.
void add_members(cep::KeyPart& part, const std::vector<cep::KeyMember>& members);
/// Those of these event types.
std::vector<cep::KeyMember> members_in(const cep::KeyPart& part,
                                       const std::vector<cep::EventTypeIndex>& types);
/// Whether none of `readers` reads the feature by other fields than `key` already.
bool can_be_read(const cep::Feature& feature, const cep::KeySpec& key,
                 const std::vector<cep::EventTypeIndex>& readers);
/// Fields of events that a feature or a rule may have for its key, or kDeclaredKey.
std::vector<std::string> random_key_fields(Random& random, const cep::Plan& plan);
}  // namespace tocsin::tests
