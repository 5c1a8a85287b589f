/// Who wants which alerts where: subscriptions as they are kept.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/alerts/alert_query.h"
#include "api/delivery/delivery_group.h"
#include "api/net/http_client.h"
#include "api/secrets/secret_keys.h"
#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/effects/effect_reader.h"

namespace tocsin::api {
enum class SubscriptionStatus : std::uint8_t {
  kActive,
  kPaused,    // by people: alerts are owed, and sent once it is resumed
  kDisabled,  // by the endpoint, with 410: nothing more is owed until it is resumed
};
enum class WebhookPayload : std::uint8_t { kTocsin, kCloudEvents };
std::string_view name_of(SubscriptionStatus status);
std::string_view name_of(WebhookPayload payload);

struct Subscription {
  std::string id;             // "sub_" and 24 hex digits
  std::uint64_t version = 0;  // its ETag
  std::string name;           // for people
  std::string url;
  AlertFilter filter;  // rules, severities, tags, key
  WebhookPayload payload = WebhookPayload::kTocsin;
  std::vector<HttpHeader> headers;     // beside those of the webhook
  std::optional<double> per_second;    // deliveries at most
  std::size_t concurrency = 4;         // deliveries at once
  bool in_order = false;               // those of one key one after the other
  bool pii = false;                    // alerts go with personal data, which is masked else
  std::optional<GroupSettings> group;  // absent: each alert goes by itself
  /// Deliveries a minute, 0: no limit; absent: as the server has it.
  std::optional<std::uint64_t> rate_cap_per_rule, rate_cap_in_all;
  std::string secret;  // "whsec_…"
  struct SecretBefore {
    std::string secret;
    cep::EventTime until;  // it signs too until then
  };
  std::vector<SecretBefore> secrets_before;  // the newest first
  SubscriptionStatus status = SubscriptionStatus::kActive;
  std::string status_reason;
  cep::EventTime created_at;
  std::string created_by;
  /// Why its filter's condition does not fit the rules that hold now; empty: it does. Not stored.
  /// The condition is not asked then: an alert is rather sent than lost.
  std::string condition_error = {};

  runtime::EndpointId endpoint() const { return runtime::EndpointId::of("subscription " + id); }
  /// The secrets that sign at a time.
  std::vector<std::string> secrets_at(cep::EventTime now) const;
  /// Has `next` sign from now on. The secret before signs too for `overlap`, and each before it
  /// until its own end; with an overlap of 0 none of them does any more. Fails with kConflict where
  /// kSecretsMax would sign at once.
  Result<void> rotate(std::string next, cep::EventTime now, cep::Duration overlap);
  static constexpr std::size_t kSecretsMax = 10;
};

struct SubscriptionLimits {
  std::size_t subscriptions_max = 1000;
  std::size_t concurrency_max = 64;
  std::size_t headers_max = 20;
  std::size_t list_max = kFilterListMax;  // rules, tags, parts of a key
};
/// As it is stored: with keys, its secrets, URL and headers are encrypted (api/secrets), as
/// format 2; without, as format 1. Errors: kIo without randomness.
Result<std::string> encode_subscription(const Subscription& subscription, const SecretKeys& keys);
/// The inverse. Errors: kCorrupt, kOtherVersion; kDenied, with the remedy, for a key that is not
/// among `keys`.
Result<Subscription> decode_subscription(std::string_view text, const SecretKeys& keys);
/// The same of one whose secrets cannot be read: it has a new secret, no headers and a URL that
/// leads nowhere, and is paused.
Result<Subscription> decode_without_secrets(std::string_view text);
/// The id of the key that a stored subscription is encrypted with; empty: none.
std::string key_of_subscription(std::string_view text);
/// As it is shown: a JSON object, never with a secret.
std::string show_subscription(const Subscription& subscription);
/// What people set of it, as JSON: what PUT takes and PATCH changes.
std::string subscription_settings(const Subscription& subscription);
/// The members that it has.
inline constexpr std::array<std::string_view, 11> kSubscriptionSettings = {
    "name",        "url",      "filter", "payload", "headers", "per_second",
    "concurrency", "in_order", "group",  "brake",   "pii"};
/// Takes all settings from a JSON object of such members; what is missing is as at a new one.
/// Errors: kInvalidArgument, naming the member and what it takes.
Result<void> apply_settings(std::string_view settings, const SubscriptionLimits& limits,
                            Subscription& subscription);

/// "sub_…" of random bytes; a secret of 32. Errors: kIo without randomness.
Result<std::string> make_subscription_id();
Result<std::string> make_webhook_secret();
}  // namespace tocsin::api
