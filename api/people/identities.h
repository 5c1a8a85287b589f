/// All whom a server knows: by tokens of its own, and by what others vouch for.
#pragma once
#include <memory>
#include <string>

#include "api/base/configuration.h"
#include "api/net/http_exchange.h"
#include "api/people/asking_person.h"
#include "api/people/people_store.h"
#include "api/people/view_store.h"
#include "api/proxy/trusted_proxies.h"
#include "api/rest/router.h"
#include "api/rest/token_store.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// What is believed of whom, by the settings `people.…`. Fails with kInvalidArgument, naming the
/// setting.
Result<AskingPeople> asking_people(const Configuration& configuration);

/// Threading: any, once it is open.
class Identities {
 public:
  /// Reads what `folder`, a data directory, keeps; where it has no token yet it makes the first.
  /// Fails as TokenStore::open(), PeopleStore::open(), ViewStore::open() and asking_people().
  Result<void> open(const Configuration& configuration, const std::string& folder);
  /// The file with the token that open() made; empty: it made none.
  const std::string& first_token_file() const { return first_token_file_; }
  TokenStore& tokens() const { return *tokens_; }
  PeopleStore& people() const { return *people_; }
  ViewStore& views() const { return *views_; }
  /// For RouterOptions::vouched.
  Vouched vouched(const HttpRequest& request) const;
  /// Whether a grant that was found before still counts.
  bool has(const TokenGrant& grant, cep::EventTime now) const;
  /// For RouterOptions::used.
  void note_use(const TokenGrant& grant, cep::EventTime now) const;

 private:
  std::unique_ptr<TokenStore> tokens_;
  std::unique_ptr<PeopleStore> people_;
  std::unique_ptr<ViewStore> views_;  // that those whom it knows have saved
  AskingPeople asking_;
  bool is_secure_ = false;  // the server speaks HTTPS alone
  TrustedProxies proxies_;  // that are believed when they say who came by HTTPS
  std::string first_token_file_;
};
}  // namespace tocsin::api
