/// Signatures of webhooks: Standard Webhooks 1.0.0
/// (github.com/standard-webhooks/standard-webhooks), symmetric, `v1`.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "cep/base/result.h"

namespace tocsin::api {
/// A shared secret of 24 to 64 bytes. Its text form is `whsec_` and base64; it never appears in
/// messages.
class WebhookSecret {
 public:
  /// Reads the text form; white space around it is ignored. Errors: kInvalidArgument, without the
  /// secret's text.
  static Result<WebhookSecret> parse(std::string_view text);
  /// The secret's bytes.
  std::string_view bytes() const { return bytes_; }

 private:
  explicit WebhookSecret(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string bytes_;
};

/// Reads and checks the secret that stands alone in a file. Errors: kIo, kInvalidArgument; the
/// message names the file.
Result<WebhookSecret> read_secret_file(const std::string& path);
/// The same, as the text that `WebhookOptions::secret` takes.
Result<std::string> read_secret_text(const std::string& path);

/// The value of the header `webhook-signature`: `v1,` and base64 of HMAC-SHA256 over
/// `id.timestamp.body`. `timestamp_s`: seconds since the epoch, as in the header
/// `webhook-timestamp`.
std::string sign_webhook(const WebhookSecret& secret, std::string_view id, std::int64_t timestamp_s,
                         std::string_view body);

/// The three headers of a webhook, as received.
struct WebhookHeaders {
  std::string_view id;
  std::string_view timestamp;
  std::string_view
      signature;  // one or more, separated by blanks; another version than v1 is passed over
};
/// How far a webhook's timestamp may be from the receiver's clock, before or after.
inline constexpr std::chrono::seconds kTimestampTolerance{300};
/// Checks a webhook: headers present, timestamp within the tolerance of `now_s`, one signature
/// equal (compared in constant time). Errors: kDenied with what is wrong, fit to be logged.
Result<void> verify_webhook(const WebhookSecret& secret, const WebhookHeaders& headers,
                            std::string_view body, std::int64_t now_s);

/// The `webhook-id` of an alert at an endpoint: `msg_` and 32 hex digits, a digest of the alert's
/// id, its revision and the endpoint's URL: the same for every attempt and every run, another one
/// for every endpoint.
std::string webhook_id(std::string_view alert_id, std::uint64_t revision, std::string_view url);
}  // namespace tocsin::api
