/// Whom a request without a token is from, as far as somebody vouches for it: a proxy that signs
/// people in, by a header; an authority, by the client's certificate.
#pragma once
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "api/net/http_exchange.h"
#include "api/people/people_list.h"
#include "api/proxy/ip_address.h"
#include "api/proxy/trusted_proxies.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// What is believed, as it is configured.
struct PeopleHeaders {
  std::string person = {};                // the name of a header; empty: no header is believed
  std::string groups = {};                // likewise; empty: nobody has a group
  std::vector<std::string> proxies = {};  // addresses and ranges that are believed
};
/// Threading: immutable.
class AskingPeople {
 public:
  /// Fails with kInvalidArgument, naming the setting.
  static Result<AskingPeople> make(const PeopleHeaders& headers);
  /// Nothing: nobody says whom it is from. What cannot be read of what is believed is text for the
  /// client.
  tl::expected<std::optional<Person>, std::string> person_of(const HttpRequest& request) const;

 private:
  tl::expected<std::optional<Person>, std::string> named_by_proxy(const RequestHead& head) const;

  std::string person_header_;  // in lower case, as heads have it
  std::string groups_header_;
  std::vector<IpRange> proxies_;
};
/// Whether the client of a request came by HTTPS, as a proxy of `proxies` says that passes it on.
bool came_by_https(const TrustedProxies& proxies, const HttpRequest& request);
/// Why a request that a browser sent for a page of another origin may not change anything; empty:
/// it is from no browser, or from a page of this server. A proxy and a certificate vouch for the
/// browser, not for the page. With `is_secure` a page of this server came by HTTPS.
std::string foreign_page(const RequestHead& head, bool is_secure);
}  // namespace tocsin::api
