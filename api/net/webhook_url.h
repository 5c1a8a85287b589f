/// The address of a webhook endpoint: an absolute http or https URL (RFC 3986), checked part by
/// part.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "cep/base/result.h"

namespace tocsin::api {
struct WebhookUrl {
  bool tls = false;         // https
  std::string host;         // lower case; an IPv6 address without its brackets
  std::uint16_t port = 80;  // 443 with tls, where the text names none
  std::string target;       // path and query as sent, at least "/"

  /// Value of the header Host: the port is left out where it is the scheme's own.
  std::string authority() const;
  /// The URL in one spelling, equal for equal addresses; the base of webhook ids.
  std::string text() const;
};
/// Reads `http://HOST[:PORT][/PATH][?QUERY]` or the same with https. HOST is a name, an IPv4
/// address or an IPv6 address in brackets. Errors: kInvalidArgument for anything else, naming the
/// part that is wrong; user names and passwords, which would end up in logs, and fragments, which
/// are never sent, are refused.
Result<WebhookUrl> parse_webhook_url(std::string_view text);
}  // namespace tocsin::api
