#include "api/people/people_store.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "api/base/sealed_json.h"
#include "api/rest/token_store.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

// Nothing for what save() does not write.
std::optional<PeopleList> parse(const ordered_json& document) {
  const auto people = document.find("people");
  if (people == document.end() || !people->is_array()) return std::nullopt;
  PeopleList list;
  for (const ordered_json& one : *people) {
    if (!one.is_object()) return std::nullopt;
    const auto text_of = [&](const char* name) {
      const auto found = one.find(name);
      return found != one.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    const std::optional<Role> role = parse_role(text_of("role"));
    auto scope = read_scope(one);
    if (!role || !scope || !is_who(text_of("who"))) return std::nullopt;
    if (!list.put({text_of("who"), *role, *std::move(scope)})) return std::nullopt;
  }
  return list;
}
}  // namespace

Result<std::unique_ptr<PeopleStore>> PeopleStore::open(std::string path, std::size_t entries_max) {
  std::unique_ptr<PeopleStore> store(new PeopleStore(std::move(path), entries_max));
  const Result<std::optional<ordered_json>> document = read_sealed_file(store->path_);
  if (!document && document.error().code != Errc::kCorrupt) return tl::unexpected(document.error());
  if (document && !*document) return store;
  std::optional<PeopleList> list = document ? parse(**document) : std::nullopt;
  if (!list) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is damaged: it is no list of people; put back a copy, or remove "
                            "it, and people and certificates get their roles anew",
                            store->path_));
  }
  store->list_ = std::make_shared<const PeopleList>(*std::move(list));
  return store;
}

std::shared_ptr<const PeopleList> PeopleStore::list() const {
  const std::lock_guard lock(mutex_);
  return list_;
}

Result<void> PeopleStore::save(const PeopleList& list) const {
  ordered_json people = ordered_json::array();
  for (const auto& [who, entry] : list.entries()) {
    ordered_json one = {{"who", who}, {"role", role_name(entry.role)}};
    add_scope(entry.scope, one);
    people.push_back(std::move(one));
  }
  return write_private_file(path_, seal_json({{"people", std::move(people)}}));
}

Result<bool> PeopleStore::put(PeopleEntry entry) {
  if (!is_who(entry.who)) {
    return fail(Errc::kInvalidArgument,
                fmt::format("`{}` names nobody: write person:NAME, group:NAME or certificate:NAME, "
                            "with a name of 1 to 200 bytes",
                            entry.who));
  }
  const std::lock_guard lock(mutex_);
  PeopleList list = *list_;
  const bool is_new = list.put(std::move(entry));
  if (is_new && list.entries().size() > entries_max_) {
    return fail(Errc::kConflict,
                fmt::format("there are {} entries already (people.entries_max): give a role to a "
                            "group instead of each person",
                            entries_max_));
  }
  if (auto saved = save(list); !saved) return tl::unexpected(saved.error());
  list_ = std::make_shared<const PeopleList>(std::move(list));
  return is_new;
}

Result<bool> PeopleStore::remove(const std::string& who) {
  const std::lock_guard lock(mutex_);
  PeopleList list = *list_;
  if (!list.remove(who)) return false;
  if (auto saved = save(list); !saved) return tl::unexpected(saved.error());
  list_ = std::make_shared<const PeopleList>(std::move(list));
  return true;
}
}  // namespace tocsin::api
