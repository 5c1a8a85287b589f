/// Who may do what of those whom this server has given no token: people whom a proxy names, their
/// groups, and machines by their certificates.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/rest/access.h"
#include "cep/value/time.h"

namespace tocsin::api {
/// Whom somebody else vouches for.
struct Person {
  /// "person:ada@bank.example", or what a certificate says: "certificate:till-1", one or more of
  /// which each counts. Never empty.
  std::vector<std::string> names;
  std::vector<std::string> groups = {};        // "group:fraud"
  std::optional<cep::EventTime> ends_at = {};  // what vouches counts no more from then on
};
/// What a person, a group or a certificate may do.
struct PeopleEntry {
  std::string who;  // as in Person
  Role role = Role::kReader;
  TokenScope scope = {};
};
/// What is said to a person without a role.
std::string no_role_text(const Person& person);
/// Whether it is `person:`, `group:` or `certificate:` and a name of 1 to 200 bytes of UTF-8,
/// without control characters and without blanks at its ends.
bool is_who(std::string_view text);

/// Threading: readers at once; one writer alone.
class PeopleList {
 public:
  /// What they may do: by the entry of themselves; else by that of a group. Of several groups the
  /// one counts whose role may do most, and of equal ones the first by name. Nothing without one.
  std::optional<TokenGrant> grant_of(const Person& person) const;
  /// The grant again of somebody of whom one was made before, by the entry that made it; nothing
  /// where that is gone.
  std::optional<TokenGrant> grant_again(const std::string& name, const std::string& by) const;
  /// Whether a grant that was made before counts at a time.
  bool has(const TokenGrant& grant, cep::EventTime now) const;
  /// Adds or replaces; whether it is new.
  bool put(PeopleEntry entry);
  /// Whether there was one.
  bool remove(std::string_view who);
  const std::map<std::string, PeopleEntry, std::less<>>& entries() const { return entries_; }

 private:
  std::map<std::string, PeopleEntry, std::less<>> entries_;
};
}  // namespace tocsin::api
