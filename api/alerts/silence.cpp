#include "api/alerts/silence.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <array>
#include <nlohmann/json.hpp>

#include "api/alerts/alert_filter_json.h"
#include "api/base/member_error.h"
#include "api/base/stored_format.h"
#include "cep/value/identity.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr int kFormat = 1;
constexpr std::size_t kReasonBytesMax = 1000;

Result<cep::EventTime> read_time(const ordered_json& value, std::string_view member) {
  const auto time = value.is_string() ? cep::parse_time(value.get<std::string>())
                                      : std::optional<cep::EventTime>();
  if (!time) return bad_member(member, "a time such as 2026-03-02T12:01:00Z");
  return *time;
}
}  // namespace

std::string_view name_of(SilenceState state) {
  constexpr std::array kNames = {"pending", "active", "ended"};
  return kNames[static_cast<std::size_t>(state)];
}

Result<Silence> read_silence(std::string_view settings, cep::EventTime now, std::size_t list_max) {
  const ordered_json document = ordered_json::parse(settings, nullptr, false);
  if (!document.is_object()) return bad_member("the silence", "a JSON object");
  Silence silence;
  silence.from = silence.created_at = now;
  bool has_end = false;
  for (const auto& [name, value] : document.items()) {
    if (name == "filter") {
      if (Result<void> read = read_alert_filter(value, list_max, silence.filter); !read)
        return tl::unexpected(read.error());
    } else if (name == "from" || name == "until") {
      const Result<cep::EventTime> time = read_time(value, name);
      if (!time) return tl::unexpected(time.error());
      (name == "from" ? silence.from : silence.until) = *time;
      has_end = has_end || name == "until";
    } else if (name == "reason") {
      if (!value.is_string() || value.get_ref<const std::string&>().size() > kReasonBytesMax)
        return bad_member("reason", fmt::format("a text of at most {} bytes", kReasonBytesMax));
      silence.reason = value.get<std::string>();
    } else {
      return bad_member("the silence", "made of filter, until, from and reason, not of " + name);
    }
  }
  const AlertFilter& filter = silence.filter;
  if (filter.rules.empty() && filter.tags.empty() && filter.severities.empty() &&
      filter.key.empty() && filter.condition_text.empty()) {
    return bad_member("filter",
                      "needed: which alerts are silenced, by one at least of rules, tags, "
                      "least_severity, key and condition");
  }
  if (silence.reason.empty()) return bad_member("reason", "needed: why nobody is to be told");
  if (!has_end) return bad_member("until", "needed: when it ends");
  // What was stored has been decided: nothing is taken back.
  if (silence.from < now)
    return bad_member("from", "now or later; without it the silence begins now");
  if (silence.until <= silence.from) return bad_member("until", "later than from, and than now");
  return silence;
}

Result<std::string> make_silence_id() {
  std::array<std::uint8_t, 12> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return fail(Errc::kIo, "the system gives no random bytes");
  return "sil_" + cep::hex(bytes);
}

std::string encode_silence(const Silence& silence) {
  const ordered_json value = {{"format", kFormat},
                              {"id", silence.id},
                              {"filter", alert_filter_json(silence.filter)},
                              {"from", silence.from.us},
                              {"until", silence.until.us},
                              {"reason", silence.reason},
                              {"created_by", silence.created_by},
                              {"created_at", silence.created_at.us},
                              {"ended_by", silence.ended_by}};
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Result<Silence> decode_silence(std::string_view text) {
  const auto damaged = [](std::string_view why) {
    return fail(Errc::kCorrupt, fmt::format("the alert store holds a silence that this program did "
                                            "not write: {}",
                                            why));
  };
  try {
    const ordered_json value = ordered_json::parse(text);
    if (auto known = check_stored_format(value.at("format").get<int>(), kFormat, "a silence");
        !known) {
      return tl::unexpected(known.error());
    }
    Silence silence;
    silence.id = value.at("id").get<std::string>();
    silence.from.us = value.at("from").get<std::int64_t>();
    silence.until.us = value.at("until").get<std::int64_t>();
    silence.reason = value.at("reason").get<std::string>();
    silence.created_by = value.at("created_by").get<std::string>();
    silence.created_at.us = value.at("created_at").get<std::int64_t>();
    silence.ended_by = value.at("ended_by").get<std::string>();
    if (Result<void> read = read_alert_filter(value.at("filter"), SIZE_MAX, silence.filter); !read)
      return damaged(read.error().message);
    return silence;
  } catch (const std::exception& error) {
    return damaged(error.what());
  }
}

std::string show_silence(const Silence& silence, cep::EventTime now) {
  ordered_json document = {{"id", silence.id},
                           {"state", name_of(silence.state_at(now))},
                           {"filter", alert_filter_json(silence.filter)},
                           {"from", cep::format_time(silence.from)},
                           {"until", cep::format_time(silence.until)},
                           {"reason", silence.reason},
                           {"created_by", silence.created_by},
                           {"created_at", cep::format_time(silence.created_at)}};
  if (!silence.ended_by.empty()) document["ended_by"] = silence.ended_by;
  if (!silence.condition_error.empty()) document["condition_error"] = silence.condition_error;
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}
}  // namespace tocsin::api
