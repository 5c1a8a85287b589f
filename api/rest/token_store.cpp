#include "api/rest/token_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "api/base/sealed_json.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::size_t kNameBytesMax = 100;
// A program that knows format 1 alone would let tokens count that have expired, or beyond their
// scope.
constexpr int kPlainFormat = 1;
constexpr int kBoundFormat = 2;

// Nothing for what save() does not write.
std::optional<AccessList> parse(const ordered_json& document) {
  if (!document.contains("tokens") || !document.at("tokens").is_array()) return std::nullopt;
  AccessList list;
  for (const ordered_json& entry : document.at("tokens")) {
    if (!entry.is_object()) return std::nullopt;
    const auto text_of = [&](const char* name) {
      return entry.contains(name) && entry[name].is_string() ? entry[name].get<std::string>()
                                                             : std::string();
    };
    const std::optional<Role> role = parse_role(text_of("role"));
    const std::optional<cep::Digest> digest = parse_digest(text_of("sha256"));
    if (!role || !digest || text_of("name").empty()) return std::nullopt;
    StoredToken token{{text_of("name"), *role, {}, {}}, *digest, {}};
    if (entry.contains("expires_at")) {
      token.grant.expires_at = cep::parse_time(text_of("expires_at"));
      if (!token.grant.expires_at) return std::nullopt;
    }
    if (entry.contains("sha256_before")) {
      const auto before = parse_digest(text_of("sha256_before"));
      const auto until = cep::parse_time(text_of("before_until"));
      if (!before || !until) return std::nullopt;
      token.before = StoredToken::Before{*before, *until};
    }
    auto scope = read_scope(entry);
    if (!scope) return std::nullopt;
    token.grant.scope = *std::move(scope);
    if (!list.add(std::move(token))) return std::nullopt;
  }
  return list;
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax &&
         std::ranges::all_of(name, [](char letter) { return letter > ' ' && letter < 127; });
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}
}  // namespace

tl::expected<TokenScope, std::string> read_scope(const ordered_json& object) {
  constexpr std::size_t kNamesMax = 100;
  constexpr std::size_t kBytesMax = 200;
  TokenScope scope;
  if (const auto pii = object.find("pii"); pii != object.end()) {
    if (!pii->is_boolean()) {
      return tl::unexpected<std::string>(
          "pii is true or false: whether fields that are marked pii are shown; without it, as the "
          "role says");
    }
    scope.pii = pii->get<bool>();
  }
  for (const auto& [name, names] :
       {std::pair{"tags", &scope.tags}, std::pair{"types", &scope.types}}) {
    if (!object.contains(name)) continue;
    const ordered_json& list = object[name];
    bool is_good = list.is_array() && !list.empty() && list.size() <= kNamesMax;
    if (is_good) {
      for (const ordered_json& one : list) {
        is_good = is_good && one.is_string() && !one.get_ref<const std::string&>().empty() &&
                  one.get_ref<const std::string&>().size() <= kBytesMax;
      }
    }
    if (!is_good) {
      return tl::unexpected(fmt::format(
          "{} is a list of 1 to {} names; without it there is no such limit", name, kNamesMax));
    }
    for (const ordered_json& one : list) names->insert(one.get<std::string>());
  }
  return scope;
}

void add_scope(const TokenScope& scope, ordered_json& object) {
  if (!scope.tags.empty()) object["tags"] = scope.tags;
  if (!scope.types.empty()) object["types"] = scope.types;
  if (scope.pii) object["pii"] = *scope.pii;
}

Result<void> write_private_file(const std::string& path, const std::string& text, bool sync) {
  const std::filesystem::path target(path);
  const std::filesystem::path folder = target.has_parent_path() ? target.parent_path() : ".";
  std::string draft = (folder / ("." + target.filename().string() + ".XXXXXX")).string();
  const int descriptor = ::mkostemp(draft.data(), O_CLOEXEC);  // 0600
  bool is_good =
      descriptor >= 0 && write_all(descriptor, text) && (!sync || ::fsync(descriptor) == 0);
  int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (is_good) {
    is_good = ::rename(draft.c_str(), path.c_str()) == 0;
    error = errno;
  }
  if (!is_good) {
    if (descriptor >= 0) ::unlink(draft.c_str());
    return fail(Errc::kIo, fmt::format("cannot write {}: {}", path, std::strerror(error)));
  }
  if (!sync) return {};
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool is_synced = directory >= 0 && ::fsync(directory) == 0;
  error = errno;
  if (directory >= 0) ::close(directory);
  if (is_synced) return {};
  return fail(Errc::kIo, fmt::format("cannot sync {}: {}", folder.string(), std::strerror(error)));
}

Result<std::unique_ptr<TokenStore>> TokenStore::open(std::string path) {
  std::unique_ptr<TokenStore> store(new TokenStore(std::move(path)));
  const auto document = read_sealed_file(store->path_, kBoundFormat);
  if (!document && document.error().code != Errc::kCorrupt) return tl::unexpected(document.error());
  if (document && !*document) return store;
  std::optional<AccessList> list = document ? parse(**document) : std::nullopt;
  if (!list) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is damaged: it is no file of tokens; put back a copy, or remove "
                            "it, and a first token is made anew",
                            store->path_));
  }
  store->list_ = std::make_shared<const AccessList>(*std::move(list));
  store->read_uses();
  return store;
}

TokenStore::~TokenStore() {
  const std::lock_guard lock(uses_mutex_);
  if (has_unwritten_uses_) write_uses();
}

// What cannot be read is not known: nothing depends on it.
void TokenStore::read_uses() {
  const std::string path = (std::filesystem::path(path_).parent_path() / kTokensUsedFile).string();
  const auto file = read_sealed_file(path);
  if (!file || !*file || !(*file)->contains("used")) return;
  const ordered_json& used = (*file)->at("used");
  if (!used.is_object()) return;
  const std::lock_guard lock(uses_mutex_);
  for (const auto& [name, at] : used.items()) {
    if (!at.is_string()) continue;
    if (const auto time = cep::parse_time(at.get_ref<const std::string&>())) uses_[name] = *time;
  }
}

// Requires uses_mutex_. A failure is tried again with a later use.
void TokenStore::write_uses() {
  ordered_json used = ordered_json::object();
  for (const auto& [name, at] : uses_) used[name] = cep::format_time(at);
  const std::string path = (std::filesystem::path(path_).parent_path() / kTokensUsedFile).string();
  if (write_private_file(path, seal_json({{"used", std::move(used)}}), false))
    has_unwritten_uses_ = false;
}

void TokenStore::used(const std::string& name, cep::EventTime now) {
  const std::lock_guard lock(uses_mutex_);
  uses_[name] = now;
  has_unwritten_uses_ = true;
  if (uses_written_at_ && now < *uses_written_at_ + kUseWrittenEvery && now >= *uses_written_at_)
    return;
  uses_written_at_ = now;
  write_uses();
}

std::optional<cep::EventTime> TokenStore::last_use(const std::string& name) const {
  const std::lock_guard lock(uses_mutex_);
  const auto found = uses_.find(name);
  return found == uses_.end() ? std::nullopt : std::optional(found->second);
}

std::shared_ptr<const AccessList> TokenStore::list() const {
  const std::lock_guard lock(mutex_);
  return list_;
}

Result<void> TokenStore::save(const AccessList& list) const {
  ordered_json tokens = ordered_json::array();
  int format = kPlainFormat;
  for (const StoredToken& token : list.tokens()) {
    ordered_json entry = {{"name", token.grant.name},
                          {"role", role_name(token.grant.role)},
                          {"sha256", cep::hex(token.digest)}};
    if (token.grant.expires_at) entry["expires_at"] = cep::format_time(*token.grant.expires_at);
    if (token.before) {
      entry["sha256_before"] = cep::hex(token.before->digest);
      entry["before_until"] = cep::format_time(token.before->until);
    }
    const TokenScope& scope = token.grant.scope;
    add_scope(scope, entry);
    if (token.grant.expires_at || !scope.is_whole()) format = kBoundFormat;
    tokens.push_back(std::move(entry));
  }
  return write_private_file(path_, seal_json({{"tokens", std::move(tokens)}}, format));
}

Result<std::string> TokenStore::add(const TokenGrant& grant) {
  if (!is_name(grant.name)) {
    return fail(Errc::kInvalidArgument,
                fmt::format("a token's name has 1 to {} printable characters and no blank, not {}",
                            kNameBytesMax, grant.name));
  }
  if (person_prefix(grant.name) > 0) {
    return fail(Errc::kInvalidArgument,
                fmt::format("{} would pass for somebody without a token: take another name, or "
                            "give them a role (PUT /v1/people/{{who}})",
                            grant.name));
  }
  Result<NewToken> made = make_token(grant);
  if (!made) return tl::unexpected(made.error());
  if (auto added = add(made->stored); !added) return tl::unexpected(added.error());
  return made->token;
}

Result<void> TokenStore::add(StoredToken token) {
  const std::lock_guard lock(mutex_);
  AccessList list = *list_;
  if (auto added = list.add(std::move(token)); !added) return added;
  if (auto saved = save(list); !saved) return saved;
  list_ = std::make_shared<const AccessList>(std::move(list));
  return {};
}

Result<bool> TokenStore::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  AccessList list = *list_;
  if (!list.remove(name)) return false;
  const auto is_admin = [](const StoredToken& token) {
    return token.grant.role == Role::kAdmin && !token.grant.expires_at &&
           token.grant.scope.is_whole();
  };
  if (std::ranges::none_of(list.tokens(), is_admin)) {
    return fail(
        Errc::kConflict,
        fmt::format("{} is the last token of an admin that does not expire and has no limits: "
                    "make another one first",
                    name));
  }
  if (auto saved = save(list); !saved) return tl::unexpected(saved.error());
  list_ = std::make_shared<const AccessList>(std::move(list));
  const std::lock_guard uses_lock(uses_mutex_);
  uses_.erase(name);  // another one of that name begins anew
  return true;
}

Result<std::string> TokenStore::rotate(const std::string& name, cep::EventTime until) {
  const std::lock_guard lock(mutex_);
  Result<NewToken> made = make_token({name, Role::kReader, {}, {}});
  if (!made) return tl::unexpected(made.error());
  AccessList list = *list_;
  if (!list.rotate(name, made->stored.digest, until))
    return fail(Errc::kNotFound, fmt::format("there is no token {}", name));
  if (auto saved = save(list); !saved) return tl::unexpected(saved.error());
  list_ = std::make_shared<const AccessList>(std::move(list));
  return made->token;
}
}  // namespace tocsin::api
