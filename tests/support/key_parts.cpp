#include "tests/support/key_parts.h"

#include <algorithm>

#include "cep/base/assert.h"
#include "tests/support/plan_parts.h"

namespace tocsin::tests {
std::vector<cep::EventTypeIndex> types_with(const cep::Plan& plan,
                                            const std::vector<std::string>& fields) {
  std::vector<cep::EventTypeIndex> types;
  for (std::size_t i = 0; i < plan.event_types.size(); ++i) {
    const bool has_all = std::all_of(fields.begin(), fields.end(), [&](const std::string& name) {
      return find_key_field(plan, {cep::EventTypeIndex(i)}, name).has_value();
    });
    if (has_all) types.emplace_back(i);
  }
  return types;
}

cep::KeyPart key_part(const cep::Plan& plan, const std::string& name,
                      const std::vector<cep::EventTypeIndex>& types) {
  const auto found = find_key_field(plan, types, name);
  TOCSIN_ASSERT(found.has_value(), "the types were chosen by their fields");
  cep::KeyPart part{name, found->second, {}};
  for (const auto& [type, field] : found->first.by_type) part.members.push_back({type, field, ""});
  return part;
}

void add_members(cep::KeyPart& part, const std::vector<cep::KeyMember>& members) {
  for (const cep::KeyMember& member : members) {
    const auto place = std::lower_bound(
        part.members.begin(), part.members.end(), member.type,
        [](const cep::KeyMember& m, cep::EventTypeIndex type) { return m.type < type; });
    if (place == part.members.end() || place->type != member.type)
      part.members.insert(place, member);
  }
}

std::vector<cep::KeyMember> members_in(const cep::KeyPart& part,
                                       const std::vector<cep::EventTypeIndex>& types) {
  std::vector<cep::KeyMember> members;
  for (const cep::KeyMember& member : part.members) {
    if (std::find(types.begin(), types.end(), member.type) != types.end()) {
      members.push_back(member);
    }
  }
  return members;
}

bool can_be_read(const cep::Feature& feature, const cep::KeySpec& key,
                 const std::vector<cep::EventTypeIndex>& readers) {
  for (std::size_t i = 0; i < key.parts.size(); ++i) {
    for (const cep::KeyMember& mine : members_in(key.parts[i], readers)) {
      for (const cep::KeyMember& other : feature.key.parts[i].members) {
        if (mine.type == other.type && mine.field != other.field) return false;
      }
    }
  }
  return true;
}

std::vector<std::string> random_key_fields(Random& random, const cep::Plan& plan) {
  switch (random.weighted({50, 15, 10, 8, 7, 12})) {
    case 0:
      return {"card"};
    case 5:
      return types_with(plan, {kDeclaredKey}).empty() ? std::vector<std::string>{"card"}
                                                      : std::vector<std::string>{kDeclaredKey};
    case 1:
      return {"device"};
    case 2:
      return {"card", "device"};
    case 3:
      return {"n"};
    default:
      return types_with(plan, {"channel"}).empty() ? std::vector<std::string>{"ok"}
                                                   : std::vector<std::string>{"channel"};
  }
}
}  // namespace tocsin::tests
