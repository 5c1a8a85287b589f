#include "api/people/view_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/base/sealed_json.h"
#include "api/rest/token_store.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::array<std::string_view, 14> kParameters = {
    "status", "severity", "rule",      "tag",      "least_severity", "key",   "from",
    "to",     "text",     "condition", "assignee", "shadow",         "order", "group"};

// Calls `use` with the name of each parameter, whether it has a value, and this.
void for_each_parameter(std::string_view query,
                        const std::function<void(std::string_view, bool, std::string_view)>& use) {
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    const std::size_t equals = std::min(one.find('='), one.size());
    use(one.substr(0, equals), equals < one.size(), one.substr(std::min(equals + 1, one.size())));
  }
}

// Nothing for what keep() does not write.
std::optional<SavedView> parse(const ordered_json& one) {
  try {
    return SavedView{one.at("id").get<std::uint64_t>(),
                     one.at("version").get<std::uint64_t>(),
                     one.at("owner").get<std::string>(),
                     {one.at("name").get<std::string>(), one.at("query").get<std::string>(),
                      one.at("shared").get<bool>()}};
  } catch (const ordered_json::exception&) {
    return std::nullopt;
  }
}
std::optional<std::pair<std::uint64_t, ViewList>> parse_list(const ordered_json& document) {
  const auto views = document.find("views");
  const auto last = document.find("last");
  if (views == document.end() || !views->is_array() || last == document.end() ||
      !last->is_number_unsigned()) {
    return std::nullopt;
  }
  ViewList list;
  for (const ordered_json& one : *views) {
    std::optional<SavedView> view = parse(one);
    if (!view || view->id > last->get<std::uint64_t>()) return std::nullopt;
    if (!list.emplace(view->id, *view).second) return std::nullopt;
  }
  return std::pair(last->get<std::uint64_t>(), std::move(list));
}
}  // namespace

Result<void> check_view_query(std::string_view query) {
  if (query.size() > kViewQueryChars) {
    return fail(Errc::kInvalidArgument,
                fmt::format("`query` has at most {} characters", kViewQueryChars));
  }
  if (!std::ranges::all_of(query, [](char c) { return c > ' ' && c <= '~'; })) {
    return fail(Errc::kInvalidArgument, "`query` is written as in a URL: `rule=a%20b`");
  }
  if (query.ends_with('&')) return fail(Errc::kInvalidArgument, "`query` ends with `&`");
  Result<void> found;
  for_each_parameter(query, [&](std::string_view name, bool has_value, std::string_view) {
    if (!has_value || std::ranges::find(kParameters, name) == kParameters.end()) {
      found = fail(Errc::kInvalidArgument,
                   fmt::format("`query` has no parameter of the queue written `{}=`", name));
    }
  });
  return found;
}

bool has_event_values(std::string_view query) {
  bool has = false;
  for_each_parameter(query, [&](std::string_view name, bool, std::string_view value) {
    has = has || (!value.empty() && (name == "key" || name == "text" || name == "condition"));
  });
  return has;
}

Result<std::unique_ptr<ViewStore>> ViewStore::open(std::string path, ViewLimits limits) {
  std::unique_ptr<ViewStore> store(new ViewStore(std::move(path), limits));
  const Result<std::optional<ordered_json>> document = read_sealed_file(store->path_);
  if (!document && document.error().code != Errc::kCorrupt) return tl::unexpected(document.error());
  if (document && !*document) return store;
  auto read = document ? parse_list(**document) : std::nullopt;
  if (!read) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is damaged: it is no list of views; put back a copy, or remove it, "
                            "and people save their views anew",
                            store->path_));
  }
  store->last_ = read->first;
  store->list_ = std::make_shared<const ViewList>(std::move(read->second));
  return store;
}

std::shared_ptr<const ViewList> ViewStore::list() const {
  const std::lock_guard lock(mutex_);
  return list_;
}

Result<void> ViewStore::keep(ViewList list) {
  ordered_json views = ordered_json::array();
  for (const auto& [id, view] : list) {
    views.push_back({{"id", id},
                     {"version", view.version},
                     {"owner", view.owner},
                     {"name", view.settings.name},
                     {"query", view.settings.query},
                     {"shared", view.settings.is_shared}});
  }
  const std::uint64_t last = list.empty() ? last_ : std::max(last_, list.rbegin()->first);
  auto saved = write_private_file(path_, seal_json({{"last", last}, {"views", std::move(views)}}));
  if (!saved) return saved;
  last_ = last;
  list_ = std::make_shared<const ViewList>(std::move(list));
  return {};
}

Result<void> ViewStore::check_name(const SavedView& view) const {
  for (const auto& [id, other] : *list_) {
    const bool is_same_place = other.settings.is_shared == view.settings.is_shared &&
                               (view.settings.is_shared || other.owner == view.owner);
    if (id == view.id || !is_same_place || other.settings.name != view.settings.name) continue;
    return fail(Errc::kConflict,
                fmt::format("there is already {} of this name: change that one, or choose another "
                            "name",
                            view.settings.is_shared ? "a shared view" : "a view of yours"));
  }
  return {};
}

Result<SavedView> ViewStore::create(const std::string& owner, ViewSettings settings) {
  const std::lock_guard lock(mutex_);
  SavedView view{last_ + 1, 1, owner, std::move(settings)};
  if (auto is_free = check_name(view); !is_free) return tl::unexpected(is_free.error());
  const auto own = static_cast<std::size_t>(std::ranges::count_if(
      *list_, [&](const auto& other) { return other.second.owner == owner; }));
  if (own >= limits_.own_max) {
    return fail(Errc::kConflict, fmt::format("you have {} views already (views.own_max): remove "
                                             "one first",
                                             own));
  }
  if (list_->size() >= limits_.views_max) {
    return fail(Errc::kConflict, fmt::format("there are {} views already (views.max): somebody has "
                                             "to remove one first",
                                             list_->size()));
  }
  ViewList list = *list_;
  list.emplace(view.id, view);
  if (auto kept = keep(std::move(list)); !kept) return tl::unexpected(kept.error());
  return view;
}

Result<std::optional<SavedView>> ViewStore::replace(std::uint64_t id, std::uint64_t version,
                                                    ViewSettings settings) {
  const std::lock_guard lock(mutex_);
  const auto found = list_->find(id);
  if (found == list_->end() || found->second.version != version) return std::nullopt;
  SavedView view{id, version + 1, found->second.owner, std::move(settings)};
  if (auto is_free = check_name(view); !is_free) return tl::unexpected(is_free.error());
  ViewList list = *list_;
  list[id] = view;
  if (auto kept = keep(std::move(list)); !kept) return tl::unexpected(kept.error());
  return view;
}

Result<bool> ViewStore::remove(std::uint64_t id, std::uint64_t version) {
  const std::lock_guard lock(mutex_);
  const auto found = list_->find(id);
  if (found == list_->end() || found->second.version != version) return false;
  ViewList list = *list_;
  list.erase(id);
  if (auto kept = keep(std::move(list)); !kept) return tl::unexpected(kept.error());
  return true;
}
}  // namespace tocsin::api
