#include "api/outbox/alert_receiver.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace tocsin::api {
namespace {
using Json = nlohmann::ordered_json;

constexpr std::size_t kKnownIdsMax = 1'000'000;

// Control characters (C0, DEL, and C1 as UTF-8) as escapes; the rest as it is.
std::string printable(std::string_view text) {
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : '\0');
    if (byte < 0x20 || byte == 0x7f) {
      shown += fmt::format("\\x{:02x}", byte);
    } else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {
      shown += fmt::format("\\x{:02x}", next);
      ++i;
    } else {
      shown += text[i];
    }
  }
  return shown;
}

// A string without its quotes, anything else as JSON.
std::string plain(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string text_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? "" : plain(*found);
}

std::string describe(const Json& alert) {
  std::string key;
  if (const auto parts = alert.find("key"); parts != alert.end() && parts->is_object()) {
    for (const auto& [name, value] : parts->items())
      key += fmt::format("{}{}={}", key.empty() ? "" : " ", name, plain(value));
  }
  return fmt::format("{}  {:<8}  {}  {}  {}", text_member(alert, "time"),
                     text_member(alert, "severity"), text_member(alert, "rule"),
                     key.empty() ? "-" : key, text_member(alert, "message"));
}

bool is_alert(const Json& value) {
  return value.is_object() && value.value("format", Json()) == 1 && value.contains("id") &&
         value.contains("rule");
}
}  // namespace

AlertReceiver::AlertReceiver(WebhookSecret secret, ReceiverOptions options, Sink sink)
    : secret_(std::move(secret)), options_(options), sink_(std::move(sink)) {}

AlertReceiver::Answer AlertReceiver::take(const WebhookHeaders& headers, std::string_view body,
                                          std::int64_t now_s) {
  if (Result<void> verified = verify_webhook(secret_, headers, body, now_s); !verified) {
    ++counts_.refused;
    return {401, verified.error().message};
  }
  if (known_ids_.contains(std::string(headers.id))) {
    ++counts_.duplicates;
    return {200, ""};
  }
  if (is_complete() || !sink_state_) return {503, "no more alerts are accepted"};
  if (!Json::accept(body)) {
    ++counts_.refused;
    return {400, "the body is not JSON"};
  }
  if (counts_.failed < options_.fail_first) {
    ++counts_.failed;
    return {500, "failing on purpose (--fail-first)"};
  }
  sink_state_ = sink_(body);
  if (!sink_state_) return {500, "the alert could not be written"};
  remember(headers.id);
  ++counts_.alerts;
  return {200, ""};
}

void AlertReceiver::remember(std::string_view id) {
  if (ids_in_order_.size() == kKnownIdsMax) {
    known_ids_.erase(ids_in_order_.front());
    ids_in_order_.pop_front();
  }
  known_ids_.emplace(id);
  ids_in_order_.emplace_back(id);
}

std::string describe_alert(std::string_view body) {
  const Json value = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  return printable(is_alert(value) ? describe(value) : std::string(body));
}

std::string json_line(std::string_view body) {
  if (body.find_first_of("\r\n") == std::string_view::npos) return std::string(body);
  // Between tokens a line end is a blank; within a string it cannot stand.
  std::string line(body);
  std::ranges::replace_if(
      line, [](char letter) { return letter == '\r' || letter == '\n'; }, ' ');
  return line;
}
}  // namespace tocsin::api
