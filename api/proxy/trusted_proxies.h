/// Which proxies are believed when they say whose requests they pass on, and what of them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "api/proxy/ip_address.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// Threading: immutable.
class TrustedProxies {
 public:
  /// The values of each header line of that name, in lower case, in the order sent.
  using HeaderLines = std::vector<std::string_view>;
  /// Nobody is believed.
  TrustedProxies() = default;
  /// Reads `HOW=RANGE` each: HOW is `forwarded`, `x-forwarded-for` or `proxy` (the PROXY protocol),
  /// RANGE as IpRange reads it. Errors: kInvalidArgument.
  static Result<TrustedProxies> make(const std::vector<std::string>& texts);

  bool empty() const { return proxies_.empty(); }
  /// Whether every connection from there begins with a PROXY header.
  bool begins_with_header(const IpAddress& peer) const;
  /// The header that is believed of requests from there, in lower case; empty: none.
  std::string_view header_of(const IpAddress& peer) const;
  /// Whose the request is that came from `peer` with these lines of header_of(peer): the first that
  /// is not itself believed, from the nearest on. A proxy that does not say stands for its client.
  /// Fails with words for the client where a line that is believed cannot be read.
  tl::expected<IpAddress, std::string> client_of(const IpAddress& peer,
                                                 const HeaderLines& lines) const;
  /// Whether that client came to its proxy by HTTPS, as the same lines say: `proto` of `Forwarded`,
  /// or beside X-Forwarded-For the lines of X-Forwarded-Proto (`schemes`). False where nothing is
  /// believed, or said.
  bool is_https(const IpAddress& peer, const HeaderLines& lines, const HeaderLines& schemes) const;

 private:
  enum class How : std::uint8_t { kForwarded, kXForwardedFor, kProxyHeader };
  struct Proxy {
    How how;
    IpRange range;
  };
  std::optional<How> how_of(const IpAddress& peer) const;
  std::vector<Proxy> proxies_;
};
}  // namespace tocsin::api
