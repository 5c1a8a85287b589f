#include "api/net/webhook_url.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace tocsin::api {
namespace {
constexpr std::size_t kUrlBytesMax = 2048;

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }
bool is_letter(char letter) { return (letter | 0x20) >= 'a' && (letter | 0x20) <= 'z'; }
bool is_hex_digit(char letter) {
  return is_digit(letter) || ((letter | 0x20) >= 'a' && (letter | 0x20) <= 'f');
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& letter : lower) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter + ('a' - 'A'));
  }
  return lower;
}

tl::unexpected<Error> refuse(std::string_view why, std::string_view text) {
  return fail(Errc::kInvalidArgument, fmt::format("webhook URL: {}: {}", why, text));
}

// Labels of letters, digits, '-' and '_', none empty; one dot may stand at the end.
bool is_host_name(std::string_view host) {
  if (host.size() > 253) return false;
  if (host.ends_with('.')) host.remove_suffix(1);
  std::size_t label_length = 0;
  for (const char letter : host) {
    if (letter == '.') {
      if (label_length == 0) return false;
      label_length = 0;
    } else if (is_letter(letter) || is_digit(letter) || letter == '-' || letter == '_') {
      if (++label_length > 63) return false;
    } else {
      return false;
    }
  }
  return label_length > 0;
}

bool is_ipv4(const std::string& host) {
  in_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// A name whose last label is a number is meant as an IPv4 address, and would be taken for one by
// some (RFC 3986 3.2.2).
bool looks_like_ipv4(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  return !last.empty() && std::ranges::all_of(last, is_digit);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  if (parsed.ec != std::errc{} || port == 0) return std::nullopt;
  return port;
}

// Characters that may stand in a path or query as they are; the rest must be %-encoded by whoever
// writes the URL.
bool is_target(std::string_view target) {
  constexpr std::string_view kAllowed = "-._~!$&'()*+,;=:@/?";
  for (std::size_t i = 0; i < target.size(); ++i) {
    const char letter = target[i];
    if (letter == '%') {
      if (i + 2 >= target.size() || !is_hex_digit(target[i + 1]) || !is_hex_digit(target[i + 2]))
        return false;
      i += 2;
    } else if (!is_letter(letter) && !is_digit(letter) &&
               kAllowed.find(letter) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}
}  // namespace

std::string WebhookUrl::authority() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  std::string text = is_v6 ? "[" + host + "]" : host;
  if (port != (tls ? 443 : 80)) text += fmt::format(":{}", port);
  return text;
}

std::string WebhookUrl::text() const {
  return (tls ? "https://" : "http://") + authority() + target;
}

Result<WebhookUrl> parse_webhook_url(std::string_view text) {
  if (text.empty()) return fail(Errc::kInvalidArgument, "webhook URL: it is empty");
  if (text.size() > kUrlBytesMax) {
    return fail(Errc::kInvalidArgument,
                fmt::format("webhook URL: longer than {} bytes", kUrlBytesMax));
  }
  // Before anything is shown: what is refused must not bring control characters to a terminal or a
  // log.
  if (!std::ranges::all_of(text, [](char letter) { return letter > ' ' && letter < 0x7f; })) {
    return fail(Errc::kInvalidArgument,
                "webhook URL: it holds a blank, a control character or a character beyond ASCII; "
                "%-encode it");
  }
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos)
    return refuse("it does not begin with http:// or https://", text);
  const std::string scheme = lower_case(text.substr(0, scheme_end));
  if (scheme != "http" && scheme != "https")
    return refuse("the scheme is neither http nor https", text.substr(0, scheme_end));
  WebhookUrl url;
  url.tls = scheme == "https";
  url.port = url.tls ? 443 : 80;

  std::string_view rest = text.substr(scheme_end + 3);
  std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  rest.remove_prefix(authority.size());
  if (authority.find('@') != std::string_view::npos) {
    return fail(Errc::kInvalidArgument,
                "webhook URL: it holds a user name or password; webhooks are signed instead");
  }
  std::string_view port_text;
  bool has_port = false;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return refuse("`[` without `]`", authority);
    url.host = lower_case(authority.substr(1, close - 1));
    if (!is_ipv6(url.host)) return refuse("not an IPv6 address", url.host);
    const std::string_view after = authority.substr(close + 1);
    has_port = !after.empty();
    if (has_port && after[0] != ':') return refuse("`:PORT` expected after `]`", after);
    if (has_port) port_text = after.substr(1);
  } else {
    const std::size_t colon = authority.find(':');
    has_port = colon != std::string_view::npos;
    url.host = lower_case(authority.substr(0, colon));
    if (has_port) port_text = authority.substr(colon + 1);
    if (url.host.empty()) return refuse("it names no host", text);
    if (!is_host_name(url.host)) return refuse("not a host name", url.host);
    if (looks_like_ipv4(url.host) && !is_ipv4(url.host))
      return refuse("not an IPv4 address", url.host);
  }
  if (has_port) {
    const std::optional<std::uint16_t> port = parse_port(port_text);
    if (!port) return refuse("the port is not a number from 1 to 65535", port_text);
    url.port = *port;
  }
  if (rest.find('#') != std::string_view::npos)
    return refuse("it has a fragment, which is never sent", text);
  if (!is_target(rest)) return refuse("the path holds a character that must be %-encoded", rest);
  url.target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
  return url;
}
}  // namespace tocsin::api
