#include "api/delivery/delivery_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/base/stored_format.h"
#include "api/privacy/privacy.h"
#include "cep/base/percent_encoded.h"
#include "cep/value/identity.h"
#include "cep/value/value.h"
#include "rules/text/human_text.h"
#include "runtime/effects/effect_codec.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using runtime::EndpointId;
using runtime::kMessageFamily;
constexpr int kFormat = 1;
constexpr std::size_t kRulesMax = 100;

std::string bytes_of(EndpointId endpoint) {
  return {reinterpret_cast<const char*>(endpoint.bytes.data()), endpoint.bytes.size()};
}
std::string parts_prefix(EndpointId endpoint, std::uint64_t number) {
  std::string key = "p" + bytes_of(endpoint);
  runtime::append_key_u64(key, number);
  return key;
}
tl::unexpected<Error> damaged(std::string_view why) {
  return fail(
      Errc::kCorrupt,
      fmt::format("the alert store holds a message that this program did not write: {}", why));
}

// A query that admits all its alerts, and perhaps others of the same time.
std::string link_to(const DeliveryMessage& message) {
  std::string rules;
  if (message.count_of_others == 0) {
    for (const auto& [rule, count] : message.rules) {
      if (!rules.empty()) rules += ',';
      rules += percent_encoded(rule);
    }
  }
  std::string link = "/v1/alerts?";
  if (!rules.empty()) link += "rule=" + rules + "&";
  return link + fmt::format("from={}&to={}", percent_encoded(cep::format_time(message.first_ts)),
                            percent_encoded(cep::format_time(message.last_ts + cep::Duration{1})));
}

// What the alerts share; personal if it is so in the alerts of any rule.
std::string shown_subject(const DeliveryMessage& message, const Privacy* privacy) {
  if (privacy == nullptr) return message.subject;
  std::vector<std::string> rules;
  for (const auto& [rule, count] : message.rules) rules.push_back(rule);
  if (message.count_of_others > 0) rules.clear();  // there are others
  return privacy->masked_subject(message.subject, rules);
}

// "10:02", of whole minutes; else "10:02:30".
std::string clock_text(cep::EventTime time, bool is_whole) {
  return cep::format_time(time).substr(11, is_whole ? 5 : 8);
}

std::string summary_text(const DeliveryMessage& message) {
  std::string who = fmt::format("{} rules", message.rules.size());
  if (message.count_of_others > 0) who = "more than " + who;
  if (message.rules.size() == 1) who = "rule " + message.rules.begin()->first;
  constexpr std::int64_t kMinuteUs = 60'000'000;
  const bool is_whole = message.from.us % kMinuteUs == 0 && message.due.us % kMinuteUs == 0;
  return fmt::format("{} raised {} between {} and {}", who,
                     rules::format_count(message.count, "more alert"),
                     clock_text(message.from, is_whole), clock_text(message.due, is_whole));
}

void append_member(std::string& text, std::string_view name, const ordered_json& value) {
  text += fmt::format(",\"{}\":{}", name,
                      value.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

// The alerts' lines as they were raised, as many as there is room for.
Result<std::uint64_t> append_alerts(std::string& text, const runtime::StoreReader& store,
                                    const runtime::EffectReader& alerts,
                                    const DeliveryMessage& message, const MessageLimits& limits,
                                    const Privacy* privacy) {
  const Result<std::vector<std::uint64_t>> parts =
      read_parts(store, message.endpoint, message.number);
  if (!parts) return tl::unexpected(parts.error());
  std::uint64_t shown = 0;
  std::size_t bytes = 0;
  text += ",\"alerts\":[";
  for (const std::uint64_t part : *parts) {
    if (shown == limits.alerts_max) break;
    const Result<std::optional<runtime::StoredAlert>> alert = alerts.alert(part);
    if (!alert) return tl::unexpected(alert.error());
    if (!*alert) continue;
    const std::string line = privacy != nullptr ? privacy->masked(**alert) : (*alert)->line;
    bytes += line.size();
    if (shown > 0 && bytes > limits.bytes_max) break;
    if (shown > 0) text += ',';
    text += line;
    ++shown;
  }
  text += ']';
  return shown;
}
}  // namespace

void DeliveryMessage::add(const runtime::StoredAlert& alert) {
  first_ts = count == 0 ? alert.ts : std::min(first_ts, alert.ts);
  last_ts = count == 0 ? alert.ts : std::max(last_ts, alert.ts);
  ++count;
  const auto place = rules.find(alert.rule);
  if (place != rules.end()) {
    ++place->second;
  } else if (rules.size() < kRulesMax) {
    rules[alert.rule] = 1;
  } else {
    ++count_of_others;
  }
}

std::string_view type_of(DeliveryMessage::Kind kind) {
  return kind == DeliveryMessage::Kind::kSummary ? "alert.summary" : "alert.group";
}

std::string message_id(EndpointId endpoint, std::uint64_t number) {
  const cep::Digest digest =
      cep::sha256("tocsin message\n" + message_key(endpoint, number).substr(1));
  return cep::hex(std::span(digest).first(16));
}

std::string message_key(EndpointId endpoint, std::uint64_t number) {
  std::string key = "m" + bytes_of(endpoint);
  runtime::append_key_u64(key, number);
  return key;
}
runtime::StoreRange messages_of(EndpointId endpoint) {
  return runtime::StoreRange::of_prefix("m" + bytes_of(endpoint));
}
runtime::StoreRange all_messages() { return runtime::StoreRange::of_prefix("m"); }
runtime::StoreRange parts_range(EndpointId endpoint, std::uint64_t number) {
  return runtime::StoreRange::of_prefix(parts_prefix(endpoint, number));
}
std::string part_key(EndpointId endpoint, std::uint64_t number, std::uint64_t alert) {
  std::string key = parts_prefix(endpoint, number);
  runtime::append_key_u64(key, alert);
  return key;
}

std::string encode_message(const DeliveryMessage& message) {
  ordered_json value = {{"format", kFormat},
                        {"type", type_of(message.kind)},
                        {"subject", message.subject},
                        {"from", message.from.us},
                        {"due", message.due.us},
                        {"released", message.is_released},
                        {"count", message.count},
                        {"rules", message.rules},
                        {"others", message.count_of_others},
                        {"first_ts", message.first_ts.us},
                        {"last_ts", message.last_ts.us}};
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Result<DeliveryMessage> decode_message(std::string_view key, std::string_view value) {
  DeliveryMessage message;
  constexpr std::size_t kKeyBytes = 1 + 16 + 8;
  if (key.size() != kKeyBytes) return damaged("its key");
  std::copy_n(key.data() + 1, 16, reinterpret_cast<char*>(message.endpoint.bytes.data()));
  message.number = runtime::read_key_u64(key.substr(17));
  try {
    const ordered_json stored = ordered_json::parse(value);
    if (auto known = check_stored_format(stored.at("format").get<int>(), kFormat, "a message");
        !known) {
      return tl::unexpected(known.error());
    }
    message.kind = stored.at("type") == type_of(DeliveryMessage::Kind::kGroup)
                       ? DeliveryMessage::Kind::kGroup
                       : DeliveryMessage::Kind::kSummary;
    message.subject = stored.at("subject").get<std::string>();
    message.from.us = stored.at("from").get<std::int64_t>();
    message.due.us = stored.at("due").get<std::int64_t>();
    message.is_released = stored.at("released").get<bool>();
    message.count = stored.at("count").get<std::uint64_t>();
    message.rules = stored.at("rules").get<std::map<std::string, std::uint64_t>>();
    message.count_of_others = stored.at("others").get<std::uint64_t>();
    message.first_ts.us = stored.at("first_ts").get<std::int64_t>();
    message.last_ts.us = stored.at("last_ts").get<std::int64_t>();
  } catch (const std::exception& error) {
    return damaged(error.what());
  }
  return message;
}

Result<std::optional<DeliveryMessage>> read_message(const runtime::StoreReader& store,
                                                    EndpointId endpoint, std::uint64_t number) {
  const std::string key = message_key(endpoint, number);
  const Result<std::optional<std::string>> value = store.get(kMessageFamily, key);
  if (!value) return tl::unexpected(value.error());
  if (!*value) return std::nullopt;
  Result<DeliveryMessage> message = decode_message(key, **value);
  if (!message) return tl::unexpected(message.error());
  return *std::move(message);
}

Result<std::vector<std::uint64_t>> read_parts(const runtime::StoreReader& store,
                                              EndpointId endpoint, std::uint64_t number) {
  std::vector<std::uint64_t> parts;
  const Result<void> read = store.scan(
      kMessageFamily, parts_range(endpoint, number), [&](std::string_view key, std::string_view) {
        parts.push_back(runtime::read_key_u64(key.substr(key.size() - 8)));
        return true;
      });
  if (!read) return tl::unexpected(read.error());
  return parts;
}

Result<std::string> message_payload(const runtime::StoreReader& store,
                                    const runtime::EffectReader& alerts,
                                    const DeliveryMessage& message, const std::string& subscription,
                                    const MessageLimits& limits, const Privacy* privacy) {
  const bool is_group = message.kind == DeliveryMessage::Kind::kGroup;
  std::string text =
      fmt::format(R"({{"type":"{}","id":"{}","subscription":"{}")", type_of(message.kind),
                  message_id(message.endpoint, message.number), subscription);
  if (is_group) {
    text += ",\"group\":" + shown_subject(message, privacy);
  } else if (!message.subject.empty()) {
    append_member(text, "rule", message.subject);
  }
  append_member(text, "from", cep::format_time(message.from));
  append_member(text, "to", cep::format_time(message.due));
  append_member(text, "count", message.count);
  append_member(text, "rules", message.rules);
  if (message.count_of_others > 0) append_member(text, "others", message.count_of_others);
  if (is_group) {
    const Result<std::uint64_t> shown =
        append_alerts(text, store, alerts, message, limits, privacy);
    if (!shown) return tl::unexpected(shown.error());
    if (*shown < message.count) append_member(text, "more", message.count - *shown);
  } else {
    append_member(text, "message", summary_text(message));
  }
  append_member(text, "link", link_to(message));
  return text + "}";
}
}  // namespace tocsin::api
