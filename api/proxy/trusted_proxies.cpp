#include "api/proxy/trusted_proxies.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "api/proxy/forwarded.h"

namespace tocsin::api {
namespace {
constexpr std::string_view kForwarded = "forwarded";
constexpr std::string_view kXForwardedFor = "x-forwarded-for";
constexpr std::string_view kProxyProtocol = "proxy";
}  // namespace

Result<TrustedProxies> TrustedProxies::make(const std::vector<std::string>& texts) {
  TrustedProxies trusted;
  for (const std::string& text : texts) {
    const std::size_t sign = text.find('=');
    const std::string_view word = std::string_view(text).substr(0, sign);
    How how = How::kForwarded;
    if (word == kXForwardedFor) {
      how = How::kXForwardedFor;
    } else if (word == kProxyProtocol) {
      how = How::kProxyHeader;
    } else if (word != kForwarded) {
      return fail(Errc::kInvalidArgument,
                  fmt::format("`{}` does not say what of that proxy is believed: write "
                              "forwarded=ADDRESS, x-forwarded-for=ADDRESS or proxy=ADDRESS (the "
                              "PROXY protocol), where ADDRESS may be a range",
                              text));
    }
    const Result<IpRange> range =
        IpRange::parse(sign == std::string::npos ? "" : std::string_view(text).substr(sign + 1));
    if (!range) return tl::unexpected(range.error());
    trusted.proxies_.push_back({how, *range});
  }
  return trusted;
}

bool TrustedProxies::begins_with_header(const IpAddress& peer) const {
  return std::ranges::any_of(proxies_, [&](const Proxy& proxy) {
    return proxy.how == How::kProxyHeader && proxy.range.contains(peer);
  });
}

std::optional<TrustedProxies::How> TrustedProxies::how_of(const IpAddress& peer) const {
  const auto found = std::ranges::find_if(proxies_, [&](const Proxy& proxy) {
    return proxy.how != How::kProxyHeader && proxy.range.contains(peer);
  });
  if (found == proxies_.end()) return std::nullopt;
  return found->how;
}

std::string_view TrustedProxies::header_of(const IpAddress& peer) const {
  const std::optional<How> how = how_of(peer);
  if (!how) return {};
  return *how == How::kForwarded ? kForwarded : kXForwardedFor;
}

tl::expected<IpAddress, std::string> TrustedProxies::client_of(const IpAddress& peer,
                                                               const HeaderLines& lines) const {
  const std::optional<How> how = how_of(peer);
  if (!how) return peer;
  IpAddress client = peer;
  for (const ForwardedHop& hop :
       *how == How::kForwarded ? read_forwarded(lines) : read_x_forwarded_for(lines)) {
    // Further ones were written by whom the nearest believed one knows, or made up.
    if (how_of(client) != how) return client;
    if (hop.is == ForwardedHop::Is::kUnsaid) return client;
    if (hop.is == ForwardedHop::Is::kUnreadable) {
      return tl::unexpected(fmt::format("the header {} cannot be read", header_of(peer)));
    }
    client = *hop.address;
  }
  return client;
}

bool TrustedProxies::is_https(const IpAddress& peer, const HeaderLines& lines,
                              const HeaderLines& schemes) const {
  const std::optional<How> how = how_of(peer);
  if (!how) return false;
  const bool is_forwarded = *how == How::kForwarded;
  bool is_said = false;
  std::size_t believed = 0;
  IpAddress client = peer;
  for (const ForwardedHop& hop :
       is_forwarded ? read_forwarded(lines) : read_x_forwarded_for(lines)) {
    if (how_of(client) != how) break;
    if (hop.is == ForwardedHop::Is::kUnreadable) return false;
    is_said = hop.is_https;
    ++believed;
    if (hop.is == ForwardedHop::Is::kUnsaid) break;
    client = *hop.address;
  }
  if (is_forwarded) return is_said;
  const std::vector<bool> said = read_x_forwarded_proto(schemes);
  // A proxy may write over what the one before it wrote: then the furthest is the client's.
  return !said.empty() && said[std::clamp<std::size_t>(believed, 1, said.size()) - 1];
}
}  // namespace tocsin::api
