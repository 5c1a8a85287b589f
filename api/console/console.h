/// The web console of a server: its files, and the sessions of those who signed in.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/base/configuration.h"
#include "api/net/http_exchange.h"
#include "api/rest/router.h"
#include "api/rest/session_store.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
/// Threading: any, once it is open.
class Console {
 public:
  /// Reads the sessions that `folder`, a data directory, keeps; where they are damaged or cannot be
  /// read there are none, and a warning says so. The clock outlives it. A console that the settings
  /// switch off has neither files nor sessions.
  void open(const Configuration& configuration, const std::string& folder, runtime::Clock& clock);
  /// Whether it answers a request itself, before anything asks for a token.
  std::optional<HttpAdmission> admit(const HttpRequest& request) const;
  /// Null where it is switched off.
  SessionStore* sessions() const { return sessions_.get(); }

 private:
  std::unique_ptr<SessionStore> sessions_;
};
/// What `GET /v1/me` says to everybody.
struct MeFacts {
  std::size_t approvals = 0;  // as ChangeService::approvals_needed()
  std::vector<std::string> dismiss_reasons = {};
};
/// `GET /v1/me`, and the operations of sessions where there are some. Both outlive the router.
void add_session_routes(Router& router, SessionStore* sessions, runtime::Clock& clock,
                        MeFacts facts);
}  // namespace tocsin::api
