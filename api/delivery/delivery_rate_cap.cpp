#include "api/delivery/delivery_rate_cap.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

cep::EventTime begin_of_window(cep::EventTime now, cep::Duration window) {
  const std::int64_t rest = now.us % window.us;
  return {now.us - (rest < 0 ? rest + window.us : rest)};
}
}  // namespace

DeliveryRateCap::Decision DeliveryRateCap::take(std::string_view rule, cep::EventTime now,
                                                const RateCapLimits& limits) {
  if (now >= end_ || now < begin_ - limits.window) {
    begin_ = begin_of_window(now, limits.window);
    end_ = begin_ + limits.window;
    all_ = {};
    rules_.clear();
  }
  auto count = rules_.find(rule);
  if (limits.per_rule != 0 && count != rules_.end() && count->second.passed >= limits.per_rule)
    return Decision::kRuleLimit;
  if (limits.in_all != 0 && all_.passed >= limits.in_all) return Decision::kLimit;
  if (limits.per_rule != 0) {
    if (count == rules_.end()) count = rules_.emplace(rule, Count{}).first;
    ++count->second.passed;
  }
  ++all_.passed;
  return Decision::kPass;
}

std::uint64_t DeliveryRateCap::message(std::string_view rule) const {
  if (rule.empty()) return all_.message;
  const auto count = rules_.find(rule);
  return count == rules_.end() ? 0 : count->second.message;
}
void DeliveryRateCap::set_message(std::string_view rule, std::uint64_t number) {
  if (rule.empty()) {
    all_.message = number;
  } else {
    rules_[std::string(rule)].message = number;
  }
}

std::string DeliveryRateCap::encode() const {
  ordered_json rules = ordered_json::object();
  for (const auto& [rule, count] : rules_) rules[rule] = {count.passed, count.message};
  const ordered_json value = {{"begin", begin_.us},
                              {"end", end_.us},
                              {"passed", all_.passed},
                              {"message", all_.message},
                              {"rules", std::move(rules)}};
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Result<DeliveryRateCap> DeliveryRateCap::decode(std::string_view text) {
  DeliveryRateCap rate_cap;
  try {
    const ordered_json value = ordered_json::parse(text);
    rate_cap.begin_.us = value.at("begin").get<std::int64_t>();
    rate_cap.end_.us = value.at("end").get<std::int64_t>();
    rate_cap.all_ = {value.at("passed").get<std::uint64_t>(),
                     value.at("message").get<std::uint64_t>()};
    for (const auto& [rule, count] : value.at("rules").items())
      rate_cap.rules_[rule] = {count.at(0).get<std::uint64_t>(), count.at(1).get<std::uint64_t>()};
  } catch (const std::exception& error) {
    return fail(Errc::kCorrupt,
                fmt::format("the alert store holds a rate cap that this program did not write: "
                            "{}",
                            error.what()));
  }
  return rate_cap;
}
}  // namespace tocsin::api
