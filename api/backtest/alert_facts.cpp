#include "api/backtest/alert_facts.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

namespace tocsin::api {
namespace {
constexpr std::int64_t kHourUs = 3'600'000'000;

// Down, also before the epoch.
std::int64_t floor_of(std::int64_t number, std::int64_t by) {
  return number / by - (number % by < 0 ? 1 : 0);
}

void append_part(std::string& bytes, std::string_view name, std::string_view json) {
  bytes += name;
  bytes += '\0';
  bytes += json;
  bytes += '\0';
}
}  // namespace

std::uint64_t digest_of(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::uint64_t digest_of(std::uint64_t first, std::uint64_t second) {
  const std::array<std::uint64_t, 2> both = {first, second};
  return XXH3_64bits(both.data(), sizeof both);
}

std::int64_t day_of(cep::EventTime time) { return floor_of(time.us, 24 * kHourUs); }

int hour_of(cep::EventTime time) {
  return static_cast<int>(floor_of(time.us, kHourUs) - 24 * day_of(time));
}

AlertFactsMaker::AlertFactsMaker(const cep::Plan& plan) : plan_(plan) {
  for (const cep::Rule& rule : plan.rules) {
    std::vector<std::uint32_t>& order = key_order_.emplace_back(rule.key.parts.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::sort(order, {}, [&](std::uint32_t part) { return rule.key.parts[part].name; });
  }
}

AlertFacts AlertFactsMaker::facts_of(const cep::Alert& alert) {
  AlertFacts facts;
  facts.rule = alert.rule.value;
  facts.ts = alert.ts;
  const cep::Rule& rule = plan_.rules[alert.rule.value];
  bytes_.clear();
  std::string json;
  for (const std::uint32_t part : key_order_[alert.rule.value]) {
    json.clear();
    cep::append_json(json, alert.key[part].view());
    append_part(bytes_, rule.key.parts[part].name, json);
  }
  facts.key = digest_of(bytes_);
  facts.last_event = alert.events.empty()
                         ? digest_of(facts.key, static_cast<std::uint64_t>(alert.ts.us))
                         : digest_of(alert.events.back().identity);
  return facts;
}

std::uint64_t key_digest(std::vector<std::pair<std::string, std::string>> parts) {
  std::ranges::sort(parts);
  std::string bytes;
  for (const auto& [name, json] : parts) append_part(bytes, name, json);
  return digest_of(bytes);
}
}  // namespace tocsin::api
