#include "api/rest/session_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/base/sealed_json.h"
#include "api/rest/token_store.h"
#include "cep/base/trimmed.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::string_view kPlainName = "tocsin";
// A browser takes a cookie of such a name over HTTPS alone, and from nobody but this very host.
constexpr std::string_view kSecureName = "__Host-tocsin";
constexpr std::string_view kPageHeader = "tocsin-console";  // in lower case, as heads have it
constexpr std::int64_t kKeptParts = 12;

std::string_view name_of_cookie(bool is_secure) { return is_secure ? kSecureName : kPlainName; }

std::optional<std::string> text_of(const ordered_json& entry, const char* name) {
  const auto found = entry.find(name);
  if (found == entry.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}
// Nothing where an entry is of a token; without a name where it cannot be read.
std::optional<SessionPerson> person_of(const ordered_json& entry) {
  if (!entry.contains("person")) return std::nullopt;
  SessionPerson person{text_of(entry, "person").value_or(""), {}};
  const auto groups = entry.find("groups");
  if (groups == entry.end() || !groups->is_array()) return SessionPerson{};
  for (const ordered_json& group : *groups) {
    if (!group.is_string()) return SessionPerson{};
    person.groups.push_back(group.get<std::string>());
  }
  return person;
}
}  // namespace

std::optional<std::string_view> session_cookie(const RequestHead& head, std::string_view name) {
  std::optional<std::string_view> found;
  for (const HttpHeader& header : head.headers) {
    if (header.name != "cookie") continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const std::string_view item = rest.substr(0, rest.find(';'));
      rest.remove_prefix(std::min(rest.size(), item.size() + 1));
      const std::size_t equals = item.find('=');
      if (equals == item.npos || trimmed(item.substr(0, equals)) != name) continue;
      if (found) return std::nullopt;
      found = trimmed(item.substr(equals + 1));
    }
  }
  return found && !found->empty() ? found : std::nullopt;
}

bool is_own_origin(const RequestHead& head, bool is_secure) {
  const std::string_view origin = head.header("origin").value_or("");
  const std::string_view host = head.header("host").value_or("");
  // Who terminates TLS before this server leaves it the host, and not the scheme.
  return origin == fmt::format("https://{}", host) ||
         (!is_secure && origin == fmt::format("http://{}", host));
}

SessionStore::SessionStore(std::string path, runtime::Clock& clock, SessionLimits limits)
    : path_(std::move(path)), clock_(clock), limits_(std::move(limits)) {}

Result<void> SessionStore::read() {
  const Result<std::optional<ordered_json>> document = read_sealed_file(path_);
  if (!document) return tl::unexpected(document.error());
  if (!*document) return {};
  const auto list = (*document)->find("sessions");
  Sessions sessions;
  bool is_good = list != (*document)->end() && list->is_array();
  for (std::size_t i = 0; is_good && i < list->size(); ++i) {
    const ordered_json& entry = (*list)[i];
    if (!entry.is_object()) return fail(Errc::kCorrupt, path_ + " is no file of sessions");
    const auto digest = parse_digest(text_of(entry, "sha256").value_or(""));
    const auto token = parse_digest(text_of(entry, "token").value_or(""));
    const auto begun = cep::parse_time(text_of(entry, "begun").value_or(""));
    const auto used = cep::parse_time(text_of(entry, "used").value_or(""));
    auto person = person_of(entry);
    is_good = digest && token && begun && used && !(person && person->name.empty());
    if (is_good) sessions[*digest] = {*token, *begun, *used, std::move(person)};
  }
  if (!is_good) return fail(Errc::kCorrupt, path_ + " is no file of sessions");
  const std::lock_guard lock(mutex_);
  sessions_ = std::move(sessions);
  saved_at_ = clock_.now();
  return {};
}

bool SessionStore::is_over(const Session& session, cep::EventTime now) const {
  return now - session.begun >= age_max(session) || now - session.used >= limits_.idle_max;
}

// For one more session of the token.
void SessionStore::make_room(Sessions& sessions, const cep::Digest& token,
                             cep::EventTime now) const {
  std::erase_if(sessions, [&](const auto& entry) { return is_over(entry.second, now); });
  const auto is_any = [](const Session&) { return true; };
  const auto is_of_token = [&](const Session& one) { return one.token == token; };
  const auto end_oldest = [&](const auto& counts) {
    auto oldest = sessions.end();
    for (auto one = sessions.begin(); one != sessions.end(); ++one) {
      if (!counts(one->second)) continue;
      if (oldest == sessions.end() || one->second.used < oldest->second.used) oldest = one;
    }
    sessions.erase(oldest);
  };
  std::size_t of_token = 0;
  for (const auto& [digest, session] : sessions) of_token += is_of_token(session) ? 1 : 0;
  for (; of_token >= limits_.of_token_max; --of_token) end_oldest(is_of_token);
  while (sessions.size() >= limits_.sessions_max) end_oldest(is_any);
}

Result<void> SessionStore::save(const Sessions& sessions) {
  ordered_json list = ordered_json::array();
  for (const auto& [digest, session] : sessions) {
    list.push_back({{"sha256", cep::hex(digest)},
                    {"token", cep::hex(session.token)},
                    {"begun", cep::format_time(session.begun)},
                    {"used", cep::format_time(session.used)}});
    if (!session.person) continue;
    list.back()["person"] = session.person->name;
    list.back()["groups"] = session.person->groups;
  }
  return write_private_file(path_, seal_json({{"sessions", std::move(list)}}));
}

Result<std::string> SessionStore::begin(const TokenGrant& grant,
                                        std::optional<SessionPerson> person) {
  Result<std::string> secret = random_secret();
  if (!secret) return secret;
  const cep::EventTime now = clock_.now();
  const std::lock_guard saving(saving_);
  Sessions sessions;
  {
    const std::lock_guard lock(mutex_);
    sessions = sessions_;
  }
  make_room(sessions, grant.digest, now);
  sessions[cep::sha256(*secret)] = {grant.digest, now, now, std::move(person)};
  if (const auto saved = save(sessions); !saved) return tl::unexpected(saved.error());
  const std::lock_guard lock(mutex_);
  sessions_ = std::move(sessions);
  saved_at_ = now;
  return secret;
}

Result<SessionGrant> SessionStore::find(const HttpRequest& request, const AccessList& access) {
  const auto secret = session_cookie(request.head(), name_of_cookie(is_secure(request)));
  if (!secret)
    return fail(Errc::kNotFound, "send `Authorization: Bearer TOKEN`, or the cookie of a session");
  const cep::Digest digest = cep::sha256(*secret);
  const cep::EventTime now = clock_.now();
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(digest);
  if (found == sessions_.end() || is_over(found->second, now))
    return fail(Errc::kNotFound, "the session has ended: sign in again");
  Result<TokenGrant> grant = grant_of(found->second, access, now);
  if (!grant) return tl::unexpected(grant.error());
  found->second.used = std::max(found->second.used, now);
  return SessionGrant{*std::move(grant), {digest, found->second.begun + age_max(found->second)}};
}

Result<TokenGrant> SessionStore::grant_of(const Session& session, const AccessList& access,
                                          cep::EventTime now) const {
  if (!session.person) return access.find_digest(session.token, now);
  std::optional<TokenGrant> grant = grant_of_ ? grant_of_(*session.person) : std::nullopt;
  if (!grant)
    return fail(Errc::kDenied, fmt::format("{} has no role any more", session.person->name));
  // A stream ends with the session at the latest.
  grant->expires_at = session.begun + age_max(session);
  return *std::move(grant);
}

bool SessionStore::has(const cep::Digest& session) const {
  const cep::EventTime now = clock_.now();
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(session);
  return found != sessions_.end() && !is_over(found->second, now);
}

Result<bool> SessionStore::end(const cep::Digest& session) {
  const std::lock_guard saving(saving_);
  Sessions sessions;
  {
    const std::lock_guard lock(mutex_);
    if (sessions_.erase(session) == 0) return false;
    sessions = sessions_;
  }
  if (const auto saved = save(sessions); !saved) return tl::unexpected(saved.error());
  return true;
}

Result<void> SessionStore::keep_used() {
  const cep::EventTime now = clock_.now();
  const std::lock_guard saving(saving_);
  Sessions sessions;
  {
    const std::lock_guard lock(mutex_);
    if (now - saved_at_ < cep::Duration{limits_.idle_max.us / kKeptParts}) return {};
    std::erase_if(sessions_, [&](const auto& entry) { return is_over(entry.second, now); });
    sessions = sessions_;
    saved_at_ = now;
  }
  return save(sessions);
}

std::optional<std::string> SessionStore::foreignness(const HttpRequest& request) const {
  const RequestHead& head = request.head();
  if (head.header(kPageHeader) != "1") {
    return "a change with the cookie of a session needs the header `Tocsin-Console: 1`";
  }
  if (is_own_origin(head, is_secure(request))) return std::nullopt;
  return fmt::format("a change with the cookie of a session comes from a page of {}, not of {}",
                     head.header("host").value_or(""),
                     head.header("origin").value_or("an unknown origin"));
}

std::string SessionStore::cookie(const HttpRequest& request, std::string_view secret) const {
  const bool is_by_https = is_secure(request);
  const std::int64_t seconds = secret.empty() ? 0 : limits_.age_max.us / 1'000'000;
  return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}",
                     name_of_cookie(is_by_https), secret, seconds, is_by_https ? "; Secure" : "");
}
}  // namespace tocsin::api
