/// Sessions of a browser: who signed in with a token is known by a cookie from then on. Kept as
/// digests in a file of the data directory, which only its owner may read.
///
///   {"sessions":[{"sha256":"HEX","token":"HEX","begun":"TIME","used":"TIME"},…],…}
///
/// That of a person whom an issuer named has `person` and `groups` too.
///
/// Invariant: a session is never more than the token, or the role, it was begun with. It ends with
/// it, with its time, when nobody used it for long, or when its person signs out.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/net/http_exchange.h"
#include "api/net/http_head.h"
#include "api/rest/access.h"
#include "api/rest/route.h"
#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
inline constexpr const char* kSessionsFile = "sessions.json";  // in the data directory
/// A person without a token, and their groups, as they were at the sign-in.
struct SessionPerson {
  std::string name;
  std::vector<std::string> groups;
};
/// What they may do now; nothing where they have no role any more.
using GrantOfPerson = std::function<std::optional<TokenGrant>(const SessionPerson&)>;
struct SessionLimits {
  cep::Duration idle_max{12LL * 3600 * 1'000'000};
  cep::Duration age_max{7LL * 24 * 3600 * 1'000'000};
  cep::Duration person_age_max{12LL * 3600 * 1'000'000};  // then the issuer is asked again
  std::size_t sessions_max = 1000;  // beyond them the one that was used longest ago ends
  std::size_t of_token_max = 20;    // likewise: who signs in again and again ends nobody else's
  bool is_secure = false;           // the server speaks HTTPS alone
  /// Whether a proxy that is believed says that the client came by HTTPS; empty: none is believed.
  std::function<bool(const HttpRequest&)> is_https = {};
};
/// A session that was found.
struct SessionGrant {
  TokenGrant grant;  // of its token
  AskingSession session;
};
/// The value of the one cookie of that name; nothing where there are two, of which somebody else
/// may have set one.
std::optional<std::string_view> session_cookie(const RequestHead& head, std::string_view name);
/// Whether the `Origin` of a request is that of its `Host`; with `is_secure` by HTTPS alone.
bool is_own_origin(const RequestHead& head, bool is_secure);
/// Threading: any.
class SessionStore {
 public:
  SessionStore(std::string path, runtime::Clock& clock, SessionLimits limits);
  /// Reads what is there; no file is no session. Fails with kCorrupt, kOtherVersion or kIo, and
  /// then there are no sessions.
  Result<void> read();
  /// Who says what people may do; before the first find(). Without it nobody may anything.
  void know_people(GrantOfPerson grant_of) { grant_of_ = std::move(grant_of); }
  /// Whether a browser that sent it came by HTTPS, as far as is known: only then it gets cookies
  /// that it sends back by HTTPS alone, and others are not asked for.
  bool is_secure(const HttpRequest& request) const {
    return limits_.is_secure || (limits_.is_https && limits_.is_https(request));
  }
  /// Begins a session of a token that AccessList::find() gave, or of a person with their grant;
  /// what the cookie holds. It is on disk before this returns. Fails with kIo.
  Result<std::string> begin(const TokenGrant& grant, std::optional<SessionPerson> person = {});
  /// Whose session a request's cookie is, by the tokens of now; it was used now. Fails with
  /// kNotFound where there is no cookie or its session has ended, else as AccessList::find(). Waits
  /// for nothing.
  Result<SessionGrant> find(const HttpRequest& request, const AccessList& access);
  /// Whether a session that was found before has not ended. Waits for nothing.
  bool has(const cep::Digest& session) const;
  /// Ends a session; false where there is none. Fails with kIo.
  Result<bool> end(const cep::Digest& session);
  /// Writes when sessions were used, if the file is older than a twelfth of the idle time. Fails
  /// with kIo.
  Result<void> keep_used();
  /// Why a request that changes something is not from the console's own page; nothing: it is. A
  /// page of somebody else can let a browser send the cookie, and neither of these two headers.
  std::optional<std::string> foreignness(const HttpRequest& request) const;
  /// A value of Set-Cookie, for who sent the request: of a new session, or without `secret` the end
  /// of one.
  std::string cookie(const HttpRequest& request, std::string_view secret) const;

 private:
  struct Session {
    cep::Digest token{};
    cep::EventTime begun{};
    cep::EventTime used{};
    std::optional<SessionPerson> person = {};
  };
  using Sessions = std::map<cep::Digest, Session>;
  cep::Duration age_max(const Session& session) const {
    return session.person ? limits_.person_age_max : limits_.age_max;
  }
  Result<TokenGrant> grant_of(const Session& session, const AccessList& access,
                              cep::EventTime now) const;
  bool is_over(const Session& session, cep::EventTime now) const;
  void make_room(Sessions& sessions, const cep::Digest& token, cep::EventTime now) const;
  Result<void> save(const Sessions& sessions);

  const std::string path_;
  runtime::Clock& clock_;
  const SessionLimits limits_;
  GrantOfPerson grant_of_;
  std::mutex saving_;  // before mutex_; who holds it may wait for the disk
  mutable std::mutex mutex_;
  Sessions sessions_;
  cep::EventTime saved_at_{};
};
}  // namespace tocsin::api
