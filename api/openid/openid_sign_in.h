/// Sign-in of people by OpenID Connect: a browser goes to the issuer, comes back with a code, and
/// gets a session.
#pragma once
#include <memory>

#include "api/base/configuration.h"
#include "api/openid/openid_issuer.h"
#include "api/people/people_store.h"
#include "api/rest/audit_log.h"
#include "api/rest/router.h"
#include "api/rest/session_store.h"
#include "cep/base/result.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
/// By the settings `openid.…`; null where no issuer is named. Reads the secret's file, and asks
/// nobody yet. Fails with kInvalidArgument or kIo, naming the setting.
Result<std::unique_ptr<OpenIdIssuer>> make_issuer(const Configuration& configuration);

/// What sign-in works on; all outlives the routes.
struct SignInContext {
  PeopleStore& people;
  SessionStore* sessions;  // null: nobody signs in
  AuditLog& audit;
  runtime::Clock& clock;
};
/// How people may sign in, and the sign-in itself where there is an issuer; sessions then ask the
/// list of people. Where the settings cannot be used any more it warns, and there is no issuer.
void add_openid_routes(Router& router, const Configuration& configuration,
                       const SignInContext& context);
}  // namespace tocsin::api
