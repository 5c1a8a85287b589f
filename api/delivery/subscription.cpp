#include "api/delivery/subscription.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "api/alerts/alert_filter_json.h"
#include "api/base/member_error.h"
#include "api/base/stored_format.h"
#include "api/net/webhook_url.h"
#include "api/secrets/sealed_secret.h"
#include "cep/value/identity.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr int kPlainFormat = 1;
constexpr int kSealedFormat = 2;  // secrets, URL and headers are in `sealed`
constexpr std::array kSealedSettings = {"url", "headers"};
constexpr const char* kNoUrl = "https://discarded.invalid/";
constexpr std::size_t kTextBytesMax = 1000;

// Names that HTTP, the signature and this client set themselves.
bool is_own_header(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter | 0x20) : letter;
  });
  constexpr std::array kOwn = {
      "host",       "content-length", "content-type", "transfer-encoding", "connection",
      "user-agent", "accept",         "expect",       "upgrade",           "te",
      "trailer",    "keep-alive"};
  return lower.starts_with("webhook-") || std::ranges::find(kOwn, lower) != kOwn.end();
}
bool is_header_name(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && name.size() <= 100 && std::ranges::all_of(name, [&](char letter) {
    const char lower = static_cast<char>(letter | 0x20);
    return (letter >= '0' && letter <= '9') || (lower >= 'a' && lower <= 'z') ||
           kMarks.find(letter) != kMarks.npos;
  });
}

Result<void> read_headers(const ordered_json& value, const SubscriptionLimits& limits,
                          std::vector<HttpHeader>& headers) {
  if (!value.is_object() || value.size() > limits.headers_max)
    return bad_member("headers",
                      fmt::format("an object of at most {} headers", limits.headers_max));
  for (const auto& [name, text] : value.items()) {
    if (!is_header_name(name))
      return bad_member("headers", fmt::format("made of tokens, not {}", name));
    if (is_own_header(name))
      return bad_member("headers", fmt::format("not there for {}, which is set here", name));
    const std::string header = text.is_string() ? text.get<std::string>() : "\n";
    const bool is_good =
        header.size() <= kTextBytesMax && std::ranges::all_of(header, [](char letter) {
          return static_cast<unsigned char>(letter) >= ' ' && letter != 0x7f;
        });
    if (!is_good) {
      return bad_member(
          fmt::format("headers.{}", name),
          fmt::format("a text of at most {} bytes without control characters", kTextBytesMax));
    }
    headers.push_back({name, header});
  }
  return {};
}

Result<void> read_duration(const ordered_json& value, std::string_view member, cep::Duration least,
                           cep::Duration most, cep::Duration& into) {
  const auto read = value.is_string() ? cep::parse_duration(value.get<std::string>())
                                      : std::optional<cep::Duration>();
  if (!read || *read < least || *read > most) {
    return bad_member(member, fmt::format("a duration from {} to {}", cep::format_duration(least),
                                          cep::format_duration(most)));
  }
  into = *read;
  return {};
}

Result<void> read_group(const ordered_json& value, std::optional<GroupSettings>& into) {
  constexpr cep::Duration kSecond{1'000'000};
  constexpr cep::Duration kHour{3600 * kSecond.us};
  constexpr std::size_t kNamesMax = 10;
  if (value.is_null()) return {};
  if (!value.is_object()) return bad_member("group", "an object of by, wait and interval, or null");
  GroupSettings group;
  for (const auto& [name, part] : value.items()) {
    Result<void> read;
    if (name == "by") {
      std::set<std::string, std::less<>> names;
      if (!part.is_array() || part.size() > kNamesMax)
        return bad_member("group.by", fmt::format("a list of at most {} names", kNamesMax));
      for (const ordered_json& one : part) {
        if (!one.is_string() || one.get_ref<const std::string&>().empty() ||
            one.get_ref<const std::string&>().size() > kTextBytesMax ||
            !names.insert(one.get<std::string>()).second) {
          return bad_member("group.by",
                            "a list of names such as rule or a part of the key, each once");
        }
        group.by.push_back(one.get<std::string>());
      }
    } else if (name == "wait") {
      read = read_duration(part, "group.wait", cep::Duration{0}, kHour, group.wait);
    } else if (name == "interval") {
      read = read_duration(part, "group.interval", kSecond, cep::Duration{24 * kHour.us},
                           group.interval);
    } else {
      return bad_member("group", "made of by, wait and interval, not of " + name);
    }
    if (!read) return read;
  }
  into = std::move(group);
  return {};
}

Result<void> read_rate_cap(const ordered_json& value, Subscription& next) {
  constexpr std::uint64_t kMost = 1'000'000;
  if (value.is_null()) return {};
  if (!value.is_object()) return bad_member("brake", "an object of per_rule and in_all, or null");
  for (const auto& [name, limit] : value.items()) {
    if (name != "per_rule" && name != "in_all")
      return bad_member("brake", "made of per_rule and in_all, not of " + name);
    if (limit.is_null()) continue;
    if (!limit.is_number_unsigned() || limit.get<std::uint64_t>() > kMost) {
      return bad_member(
          "brake." + name,
          fmt::format("deliveries a minute, 0 (no limit) to {}, or null for the server's "
                      "limit",
                      kMost));
    }
    (name == "per_rule" ? next.rate_cap_per_rule : next.rate_cap_in_all) =
        limit.get<std::uint64_t>();
  }
  return {};
}

ordered_json settings_json(const Subscription& subscription) {
  ordered_json document = {{"name", subscription.name},
                           {"url", subscription.url},
                           {"filter", alert_filter_json(subscription.filter)},
                           {"payload", name_of(subscription.payload)},
                           {"headers", ordered_json::object()}};
  for (const HttpHeader& header : subscription.headers)
    document["headers"][header.name] = header.value;
  document["per_second"] =
      subscription.per_second ? ordered_json(*subscription.per_second) : ordered_json(nullptr);
  document["concurrency"] = subscription.concurrency;
  document["in_order"] = subscription.in_order;
  document["group"] = nullptr;
  if (const auto& group = subscription.group) {
    document["group"] = {{"by", group->by},
                         {"wait", cep::format_duration(group->wait)},
                         {"interval", cep::format_duration(group->interval)}};
  }
  const auto limit = [](const std::optional<std::uint64_t>& said) {
    return said ? ordered_json(*said) : ordered_json(nullptr);
  };
  document["brake"] = {{"per_rule", limit(subscription.rate_cap_per_rule)},
                       {"in_all", limit(subscription.rate_cap_in_all)}};
  document["pii"] = subscription.pii;
  return document;
}
}  // namespace

std::string_view name_of(SubscriptionStatus status) {
  constexpr std::array kNames = {"active", "paused", "disabled"};
  return kNames[static_cast<std::size_t>(status)];
}
std::string_view name_of(WebhookPayload payload) {
  return payload == WebhookPayload::kTocsin ? "tocsin" : "cloudevents";
}

std::vector<std::string> Subscription::secrets_at(cep::EventTime now) const {
  std::vector<std::string> secrets = {secret};
  for (const SecretBefore& before : secrets_before) {
    if (now < before.until) secrets.push_back(before.secret);
  }
  return secrets;
}

Result<void> Subscription::rotate(std::string next, cep::EventTime now, cep::Duration overlap) {
  std::vector<SecretBefore> before;
  if (overlap > cep::Duration{0}) {
    before.push_back({secret, now + overlap});
    for (const SecretBefore& one : secrets_before) {
      if (now < one.until) before.push_back(one);
    }
  }
  if (before.size() + 1 > kSecretsMax) {
    const auto first = std::ranges::min_element(before, {}, &SecretBefore::until);
    return fail(Errc::kConflict,
                fmt::format("{} secrets of this subscription sign already, as many as may: the "
                            "first of them ends at {}; an overlap of 0s ends all of them now",
                            before.size(), cep::format_time(first->until)));
  }
  secret = std::move(next);
  secrets_before = std::move(before);
  return {};
}

namespace {
std::string sealed_place(const std::string& id) { return "subscription " + id; }

// What of a subscription is not for everybody's eyes, as members of its document.
ordered_json secrets_json(const Subscription& subscription) {
  ordered_json value = {{"secret", subscription.secret}, {"secrets_before", ordered_json::array()}};
  for (const Subscription::SecretBefore& before : subscription.secrets_before) {
    value["secrets_before"].push_back({{"secret", before.secret}, {"until", before.until.us}});
  }
  return value;
}

void read_secrets(const ordered_json& value, Subscription& subscription) {
  subscription.secret = value.at("secret").get<std::string>();
  if (value.contains("secrets_before")) {
    for (const ordered_json& before : value.at("secrets_before")) {
      subscription.secrets_before.push_back(
          {before.at("secret").get<std::string>(), {before.at("until").get<std::int64_t>()}});
    }
  } else if (const auto before = value.at("secret_before").get<std::string>(); !before.empty()) {
    // As versions wrote it that kept one.
    subscription.secrets_before.push_back(
        {before, {value.at("secret_before_until").get<std::int64_t>()}});
  }
}

tl::unexpected<Error> not_ours(std::string_view why) {
  return fail(Errc::kCorrupt,
              fmt::format("the alert store holds a subscription that this program did not "
                          "write: {}",
                          why));
}

// Null keys: secrets are not read.
Result<Subscription> decode(std::string_view text, const SecretKeys* keys) {
  try {
    ordered_json value = ordered_json::parse(text);
    Subscription subscription;
    const int format = value.at("format").get<int>();
    if (format != kPlainFormat) {
      if (auto known = check_stored_format(format, kSealedFormat, "a subscription"); !known)
        return tl::unexpected(known.error());
    }
    subscription.id = value.at("id").get<std::string>();
    subscription.version = value.at("version").get<std::uint64_t>();
    if (keys == nullptr) {
      value.erase("headers");
      if (!value.contains("url")) value["url"] = kNoUrl;
    } else if (format == kPlainFormat) {
      read_secrets(value, subscription);
    } else {
      const Result<std::string> opened =
          open_secret(*keys, sealed_place(subscription.id), value.at("sealed").get<std::string>());
      if (!opened) return tl::unexpected(opened.error());
      const ordered_json secrets = ordered_json::parse(*opened);
      read_secrets(secrets, subscription);
      for (const char* const name : kSealedSettings) value[name] = secrets.at(name);
    }
    subscription.status_reason = value.at("status_reason").get<std::string>();
    subscription.created_at.us = value.at("created_at").get<std::int64_t>();
    subscription.created_by = value.at("created_by").get<std::string>();
    const std::string status = value.at("status").get<std::string>();
    for (const auto one : {SubscriptionStatus::kActive, SubscriptionStatus::kPaused,
                           SubscriptionStatus::kDisabled}) {
      if (status == name_of(one)) subscription.status = one;
    }
    ordered_json settings = ordered_json::object();
    for (const std::string_view name : kSubscriptionSettings)
      if (value.contains(name)) settings[std::string(name)] = value.at(std::string(name));
    // What was accepted once is accepted now, whatever the limits are by now.
    const SubscriptionLimits limits{
        .concurrency_max = SIZE_MAX, .headers_max = SIZE_MAX, .list_max = SIZE_MAX};
    if (Result<void> applied = apply_settings(settings.dump(), limits, subscription); !applied)
      return not_ours(applied.error().message);
    return subscription;
  } catch (const std::exception& error) {
    return not_ours(error.what());
  }
}
}  // namespace

Result<std::string> encode_subscription(const Subscription& subscription, const SecretKeys& keys) {
  ordered_json value = settings_json(subscription);
  ordered_json secrets = secrets_json(subscription);
  value["format"] = keys.empty() ? kPlainFormat : kSealedFormat;
  value["id"] = subscription.id;
  value["version"] = subscription.version;
  if (keys.empty()) {
    value.update(secrets);
  } else {
    for (const char* const name : kSealedSettings) {
      secrets[name] = value.at(name);
      value.erase(name);
    }
    Result<std::string> sealed = seal_secret(keys, sealed_place(subscription.id), secrets.dump());
    if (!sealed) return sealed;
    value["sealed"] = *std::move(sealed);
  }
  value["status"] = name_of(subscription.status);
  value["status_reason"] = subscription.status_reason;
  value["created_at"] = subscription.created_at.us;
  value["created_by"] = subscription.created_by;
  return value.dump();
}

Result<Subscription> decode_subscription(std::string_view text, const SecretKeys& keys) {
  return decode(text, &keys);
}

Result<Subscription> decode_without_secrets(std::string_view text) {
  Result<Subscription> subscription = decode(text, nullptr);
  if (!subscription) return subscription;
  Result<std::string> secret = make_webhook_secret();
  if (!secret) return tl::unexpected(secret.error());
  subscription->secret = *std::move(secret);
  ++subscription->version;
  subscription->status = SubscriptionStatus::kPaused;
  subscription->status_reason =
      "its secret, URL and headers were discarded: set URL and headers, rotate the secret and give "
      "it "
      "to the receiver, then resume";
  return subscription;
}

std::string key_of_subscription(std::string_view text) {
  const ordered_json value = ordered_json::parse(text, nullptr, false);
  if (!value.is_object() || !value.contains("sealed") || !value.at("sealed").is_string()) return {};
  return std::string(key_of_sealed(value.at("sealed").get_ref<const std::string&>()));
}

std::string show_subscription(const Subscription& subscription) {
  ordered_json document = {{"id", subscription.id}, {"version", subscription.version}};
  document.update(settings_json(subscription));
  document["status"] = name_of(subscription.status);
  if (!subscription.status_reason.empty()) document["status_reason"] = subscription.status_reason;
  if (!subscription.condition_error.empty())
    document["condition_error"] = subscription.condition_error;
  if (!subscription.secrets_before.empty()) {
    // Of the secret before; those before it are after it.
    document["secret_before_until"] = cep::format_time(subscription.secrets_before.front().until);
    document["secrets_before_until"] = ordered_json::array();
    for (const Subscription::SecretBefore& before : subscription.secrets_before) {
      document["secrets_before_until"].push_back(cep::format_time(before.until));
    }
  }
  document["created_at"] = cep::format_time(subscription.created_at);
  document["created_by"] = subscription.created_by;
  return document.dump();
}

std::string subscription_settings(const Subscription& subscription) {
  return settings_json(subscription).dump();
}

Result<void> apply_settings(std::string_view settings, const SubscriptionLimits& limits,
                            Subscription& subscription) {
  const ordered_json document = ordered_json::parse(settings, nullptr, false);
  if (!document.is_object()) return bad_member("the subscription", "a JSON object");
  Subscription next = subscription;
  next.name.clear();
  next.url.clear();
  next.filter = {};
  next.payload = WebhookPayload::kTocsin;
  next.headers.clear();
  next.per_second.reset();
  next.concurrency = 4;
  next.in_order = false;
  next.pii = false;
  next.group.reset();
  next.rate_cap_per_rule.reset();
  next.rate_cap_in_all.reset();
  for (const auto& [name, value] : document.items()) {
    if (name == "name") {
      if (!value.is_string() || value.get_ref<const std::string&>().size() > kTextBytesMax)
        return bad_member("name", fmt::format("a text of at most {} bytes", kTextBytesMax));
      next.name = value.get<std::string>();
    } else if (name == "url") {
      if (!value.is_string()) return bad_member("url", "a text");
      const Result<WebhookUrl> url = parse_webhook_url(value.get<std::string>());
      if (!url) return tl::unexpected(url.error());
      next.url = url->text();
    } else if (name == "filter") {
      if (Result<void> read = read_alert_filter(value, limits.list_max, next.filter); !read)
        return read;
    } else if (name == "payload") {
      if (value == "cloudevents") {
        next.payload = WebhookPayload::kCloudEvents;
      } else if (value != "tocsin") {
        return bad_member("payload", "tocsin or cloudevents");
      }
    } else if (name == "headers") {
      if (Result<void> read = read_headers(value, limits, next.headers); !read) return read;
    } else if (name == "per_second") {
      if (value.is_null()) continue;
      if (!value.is_number() || value.get<double>() < 0.001 || value.get<double>() > 1e6)
        return bad_member("per_second", "a number from 0.001 to 1000000, or null for no limit");
      next.per_second = value.get<double>();
    } else if (name == "concurrency") {
      const std::uint64_t most = limits.concurrency_max;
      if (!value.is_number_unsigned() || value.get<std::uint64_t>() < 1 ||
          value.get<std::uint64_t>() > most) {
        return bad_member("concurrency", fmt::format("a whole number from 1 to {}", most));
      }
      next.concurrency = value.get<std::size_t>();
    } else if (name == "in_order") {
      if (!value.is_boolean()) return bad_member("in_order", "true or false");
      next.in_order = value.get<bool>();
    } else if (name == "pii") {
      if (!value.is_boolean()) return bad_member("pii", "true or false");
      next.pii = value.get<bool>();
    } else if (name == "group") {
      if (Result<void> read = read_group(value, next.group); !read) return read;
    } else if (name == "brake") {
      if (Result<void> read = read_rate_cap(value, next); !read) return read;
    } else {
      return bad_member(
          "the subscription",
          fmt::format("made of {}, not of {}", fmt::join(kSubscriptionSettings, ", "), name));
    }
  }
  if (next.url.empty()) return bad_member("url", "needed: where alerts are sent");
  subscription = std::move(next);
  return {};
}

Result<std::string> make_subscription_id() {
  std::array<std::uint8_t, 12> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return fail(Errc::kIo, "the system gives no random bytes");
  return "sub_" + cep::hex(bytes);
}

Result<std::string> make_webhook_secret() {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return fail(Errc::kIo, "the system gives no random bytes");
  std::array<unsigned char, 4 * ((32 + 2) / 3) + 1> text{};
  const int length = EVP_EncodeBlock(text.data(), bytes.data(), static_cast<int>(bytes.size()));
  return "whsec_" +
         std::string(reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(length));
}
}  // namespace tocsin::api
