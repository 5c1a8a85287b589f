#include "api/people/people_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/value/identity.h"
#include "runtime/io/side_output_line.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kNameBytesMax = 200;

// How much a role may do.
int width(Role role) {
  int count = 0;
  for (std::size_t needs = 0; needs < kRoleCount; ++needs)
    count += may(role, static_cast<Role>(needs)) ? 1 : 0;
  return count;
}

TokenGrant grant(const std::string& name, const PeopleEntry& entry,
                 std::optional<cep::EventTime> ends_at) {
  // Of no token: those begin otherwise.
  return {name,    entry.role,  cep::sha256("a person of this name\n" + name),
          ends_at, entry.scope, entry.who};
}
}  // namespace

bool is_who(std::string_view text) {
  const std::size_t kind = person_prefix(text);
  if (kind == 0) return false;
  text.remove_prefix(kind);
  const auto is_control = [](char letter) {
    return static_cast<unsigned char>(letter) < ' ' || letter == 127;
  };
  return !text.empty() && text.size() <= kNameBytesMax && text.front() != ' ' &&
         text.back() != ' ' && std::ranges::none_of(text, is_control) &&
         runtime::valid_utf8(text) == text;
}

std::string no_role_text(const Person& person) {
  return fmt::format("{} has no role here: an admin gives one, by PUT /v1/people/{{who}}, to it{}",
                     person.names.front(), person.groups.empty() ? "" : " or to a group of it");
}

std::optional<TokenGrant> PeopleList::grant_of(const Person& person) const {
  for (const std::string& name : person.names) {
    const auto own = entries_.find(name);
    if (own != entries_.end()) return grant(name, own->second, person.ends_at);
  }
  const PeopleEntry* best = nullptr;
  for (const std::string& group : person.groups) {
    const auto found = entries_.find(group);
    if (found == entries_.end()) continue;
    const PeopleEntry& entry = found->second;
    const auto rank = [](const PeopleEntry& one) { return std::pair(width(one.role), one.role); };
    if (best == nullptr || rank(entry) > rank(*best) ||
        (rank(entry) == rank(*best) && entry.who < best->who))
      best = &entry;
  }
  if (best == nullptr) return std::nullopt;
  return grant(person.names.front(), *best, person.ends_at);
}

std::optional<TokenGrant> PeopleList::grant_again(const std::string& name,
                                                  const std::string& by) const {
  const auto found = entries_.find(by);
  if (found == entries_.end()) return std::nullopt;
  return grant(name, found->second, std::nullopt);
}

bool PeopleList::has(const TokenGrant& given, cep::EventTime now) const {
  const auto found = entries_.find(given.by);
  return found != entries_.end() && found->second.role == given.role &&
         found->second.scope == given.scope && (!given.expires_at || now < *given.expires_at);
}

bool PeopleList::put(PeopleEntry entry) {
  std::string who = entry.who;
  return entries_.insert_or_assign(std::move(who), std::move(entry)).second;
}

bool PeopleList::remove(std::string_view who) {
  const auto found = entries_.find(who);
  if (found == entries_.end()) return false;
  entries_.erase(found);
  return true;
}
}  // namespace tocsin::api
