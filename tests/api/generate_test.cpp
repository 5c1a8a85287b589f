// The generated stream: the same bytes everywhere, and what docs/generate.md promises of it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/generate/arrival_order.h"
#include "api/generate/payment_event.h"
#include "api/generate/payment_stream.h"
#include "api/generate/payment_world.h"
#include "api/generate/planted_fraud.h"
#include "api/generate/stream_random.h"

namespace tocsin::api {
namespace {
using Json = nlohmann::json;
using Type = PaymentEventType;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;

struct Generated {
  std::vector<PaymentEvent> events;
  std::vector<PlantedFraud> planted;
};

Generated generate(const PaymentStreamOptions& options) {
  PaymentStream stream(options);
  Generated generated;
  PaymentEvent event;
  while (stream.next(event)) {
    generated.events.push_back(event);
    for (PlantedFraud& fraud : stream.take_completed())
      generated.planted.push_back(std::move(fraud));
  }
  return generated;
}

std::string bytes_of(const Generated& generated) {
  std::string bytes;
  for (const PaymentEvent& event : generated.events) append_event(event, bytes);
  for (const PlantedFraud& fraud : generated.planted) bytes += format_planted_fraud(fraud) + "\n";
  return bytes;
}

// FNV-1a, 64 bits.
std::uint64_t digest_of(const std::string& bytes) {
  std::uint64_t digest = 0xcbf29ce484222325;
  for (const char byte : bytes)
    digest = (digest ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return digest;
}

TEST_CASE("generate: the same options give the same bytes on every machine") {
  struct Row {
    PaymentStreamOptions options;
    std::uint64_t digest;
  };
  const Row rows[] = {
      {{.events = 20'000}, 1020872198535157413u},
      {{.events = 20'000, .seed = 2}, 7350752939231333234u},
      {{.events = 5'000,
        .seed = 3,
        .start_us = 0,
        .rate = 0.5,
        .accounts = 100,
        .fraud_per_thousand = 20},
       6372326034128518891u},
      {{.events = 5'000, .seed = 4, .rate = 5'000, .fraud_per_thousand = 0}, 4721406701010388340u},
  };
  for (const Row& row : rows) {
    CAPTURE(row.options.seed);
    const std::string bytes = bytes_of(generate(row.options));
    CHECK(digest_of(bytes) == row.digest);
    CHECK(bytes == bytes_of(generate(row.options)));
  }
}

TEST_CASE(
    "generate: exactly as many events as asked for, in the order of time, with ids without gaps") {
  for (const std::uint64_t count : {1u, 2u, 3u, 17u, 1'000u, 5'000u}) {
    for (const double fraud : {0.0, 0.5, 20.0}) {
      CAPTURE(count);
      CAPTURE(fraud);
      const Generated generated =
          generate({.events = count, .seed = count, .fraud_per_thousand = fraud});
      REQUIRE(generated.events.size() == count);
      for (std::size_t i = 0; i < count; ++i) {
        REQUIRE(generated.events[i].number == i + 1);
        if (i > 0) REQUIRE(generated.events[i].ts_us >= generated.events[i - 1].ts_us);
      }
      if (fraud == 0.0) CHECK(generated.planted.empty());
    }
  }
}

TEST_CASE("generate: events are JSON lines with the fields that are documented") {
  const std::map<std::string, std::set<std::string>> fields = {
      {"payment",
       {"type", "id", "ts", "card", "account", "merchant", "mcc", "amount", "currency", "country",
        "channel"}},
      {"login", {"type", "id", "ts", "account", "device", "ip", "country", "ok"}},
      {"password_change", {"type", "id", "ts", "account"}},
      {"transfer", {"type", "id", "ts", "account", "to_account", "amount", "new_payee"}},
      {"otp_ok", {"type", "id", "ts", "account"}},
  };
  std::map<std::string, int> seen;
  for (const PaymentEvent& event : generate({.events = 20'000, .seed = 5}).events) {
    std::string line;
    append_event(event, line);
    REQUIRE(line.ends_with("}\n"));
    const Json json = Json::parse(line);
    std::set<std::string> names;
    for (const auto& [name, value] : json.items()) names.insert(name);
    ++seen[json["type"]];
    if (json["type"] == "payment") {
      REQUIRE(names.erase("device") == (json["channel"] == "ecom" ? 1 : 0));
      REQUIRE(json["mcc"].is_number_integer());
      REQUIRE(json["amount"] >= 0.5);
    }
    REQUIRE(names == fields.at(json["type"]));
    REQUIRE(json["ts"].is_number_integer());
    REQUIRE(json["id"] == event_id(event.number));
    if (const std::size_t at = line.find("\"amount\":"); at != std::string::npos) {
      const std::size_t point = line.find('.', at);
      REQUIRE(line.find_first_not_of("0123456789", point + 1) == point + 3);
    }
  }
  CHECK(seen.size() == 5);
  CHECK(seen["payment"] > 12'000);
  CHECK(seen["login"] > 2'000);
  CHECK(seen["transfer"] > 500);
}

TEST_CASE("generate: amounts have two decimals") {
  for (const auto& [cents, text] :
       {std::pair{50, "0.50"}, {5, "0.05"}, {100, "1.00"}, {123456, "1234.56"}}) {
    PaymentEvent event;
    event.type = Type::kTransfer;
    event.amount_cents = cents;
    std::string line;
    append_event(event, line);
    CHECK(line.find(std::string("\"amount\":") + text + ",") != std::string::npos);
  }
}

TEST_CASE("generate: the rate is kept over a day, and days have a rhythm") {
  const Generated generated = generate({.events = 200'000, .seed = 6, .start_us = 0, .rate = 2.0});
  const std::int64_t day = 24 * kHour;
  std::map<std::int64_t, int> by_hour;
  int first_day = 0;
  for (const PaymentEvent& event : generated.events) {
    if (event.ts_us >= day) continue;
    ++first_day;
    ++by_hour[event.ts_us / kHour];
  }
  CHECK(first_day > 2 * 86'400 * 95 / 100);
  CHECK(first_day < 2 * 86'400 * 105 / 100);
  CHECK(by_hour[18] > 8 * by_hour[3]);
}

TEST_CASE("generate: events arrive in another order, none later than allowed") {
  const std::vector<PaymentEvent> events =
      generate({.events = 20'000, .seed = 7, .rate = 100}).events;
  for (const std::int64_t disorder_us : {1'000L, 800'000L, 20'000'000L}) {
    CAPTURE(disorder_us);
    ArrivalOrder arrivals(disorder_us, 1);
    std::vector<PaymentEvent> arrived;
    PaymentEvent event;
    for (const PaymentEvent& next : events) {
      arrivals.push(next);
      while (arrivals.pop(event, false)) arrived.push_back(event);
    }
    while (arrivals.pop(event, true)) arrived.push_back(event);
    REQUIRE(arrived.size() == events.size());
    std::set<std::uint64_t> numbers;
    std::int64_t newest_us = 0;
    std::int64_t latest_us = 0;
    std::int64_t late_count = 0;
    for (const PaymentEvent& one : arrived) {
      numbers.insert(one.number);
      latest_us = std::max(latest_us, newest_us - one.ts_us);
      late_count += one.ts_us < newest_us;
      newest_us = std::max(newest_us, one.ts_us);
    }
    CHECK(numbers.size() == events.size());
    CHECK(latest_us <= disorder_us);
    if (disorder_us >= 800'000) {
      CHECK(latest_us > disorder_us / 2);
      CHECK(late_count > 1'000);
    }
  }
}

// What a rule for the scenario, written down plainly, finds: (key, time).
using Found = std::set<std::pair<std::uint32_t, std::int64_t>>;
using ByKey = std::map<std::uint32_t, std::vector<PaymentEvent>>;

ByKey payments_by(const Generated& generated,
                  const std::function<std::uint32_t(const PaymentEvent&)>& key,
                  bool online_only = false) {
  ByKey by_key;
  for (const PaymentEvent& event : generated.events) {
    if (event.type != Type::kPayment || (online_only && event.channel != PaymentChannel::kEcom))
      continue;
    by_key[key(event)].push_back(event);
  }
  return by_key;
}

ByKey account_events(const Generated& generated) {
  ByKey by_account;
  for (const PaymentEvent& event : generated.events) {
    if (event.type != Type::kPayment) by_account[event.account].push_back(event);
  }
  return by_account;
}

// Asks `is_hit` for the events of each key up to and including each of them.
Found find(const ByKey& by_key,
           const std::function<bool(const std::vector<PaymentEvent>&, std::size_t)>& is_hit) {
  Found found;
  for (const auto& [key, events] : by_key) {
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (is_hit(events, i)) found.emplace(key, events[i].ts_us);
    }
  }
  return found;
}

// The events of the last `span_us` up to event `i`, that one included.
std::vector<PaymentEvent> last_of(const std::vector<PaymentEvent>& events, std::size_t i,
                                  std::int64_t span_us) {
  std::vector<PaymentEvent> last;
  for (std::size_t at = i + 1; at-- > 0 && events[at].ts_us > events[i].ts_us - span_us;)
    last.push_back(events[at]);
  return last;
}

Found find_scenario(const Generated& generated, FraudScenario scenario) {
  const auto card = [](const PaymentEvent& event) { return event.card; };
  const auto device = [](const PaymentEvent& event) { return event.device; };
  switch (scenario) {
    case FraudScenario::kCardTesting:
      return find(payments_by(generated, card), [](const auto& events, std::size_t i) {
        const auto last = last_of(events, i, 10 * kMinute);
        return events[i].amount_cents > 20'000 &&
               std::ranges::count_if(
                   last, [](const auto& event) { return event.amount_cents < 200; }) >= 3;
      });
    case FraudScenario::kAccountTakeover:
      return find(account_events(generated), [](const auto& events, std::size_t i) {
        const auto last = last_of(events, i, kHour);
        const auto is_failure = [](const auto& event) {
          return event.type == Type::kLogin && !event.flag;
        };
        const auto is_change = [](const auto& event) {
          return event.type == Type::kPasswordChange;
        };
        return events[i].type == Type::kTransfer && events[i].amount_cents > 100'000 &&
               std::ranges::count_if(last, is_failure) >= 3 && std::ranges::any_of(last, is_change);
      });
    case FraudScenario::kImpossibleTravel:
      return find(payments_by(generated, card), [](const auto& events, std::size_t i) {
        return i > 0 && events[i].channel == PaymentChannel::kPos &&
               events[i - 1].channel == PaymentChannel::kPos &&
               events[i].country != events[i - 1].country &&
               events[i].ts_us - events[i - 1].ts_us < 30 * kMinute;
      });
    case FraudScenario::kVelocity:
      return find(payments_by(generated, card), [](const auto& events, std::size_t i) {
        return last_of(events, i, 10 * kMinute).size() >= 6;
      });
    case FraudScenario::kEscalation:
      return find(payments_by(generated, card), [](const auto& events, std::size_t i) {
        return i > 1 && events[i].amount_cents > 2 * events[i - 1].amount_cents &&
               events[i - 1].amount_cents > 2 * events[i - 2].amount_cents &&
               events[i].ts_us - events[i - 2].ts_us < kHour;
      });
    case FraudScenario::kUnconfirmedTransfer:
      return find(account_events(generated), [](const auto& events, std::size_t i) {
        if (events[i].type != Type::kTransfer || events[i].amount_cents <= 100'000) return false;
        return std::ranges::none_of(
            events.begin() + static_cast<std::ptrdiff_t>(i), events.end(), [&](const auto& event) {
              return event.type == Type::kOtpOk && event.ts_us < events[i].ts_us + 5 * kMinute;
            });
      });
    case FraudScenario::kSharedDevice:
      return find(payments_by(generated, device, true), [](const auto& events, std::size_t i) {
        std::set<std::uint32_t> cards;
        for (const PaymentEvent& event : last_of(events, i, 30 * kMinute)) cards.insert(event.card);
        return cards.size() >= 5;
      });
  }
  return {};
}

TEST_CASE("generate: every planted scenario is found by a plain rule, and little else is") {
  const Generated generated =
      generate({.events = 150'000, .seed = 8, .rate = 20, .fraud_per_thousand = 2});
  REQUIRE(generated.planted.size() > 150);
  for (std::size_t i = 0; i < kFraudScenarios; ++i) {
    const auto scenario = static_cast<FraudScenario>(i);
    const Found found = find_scenario(generated, scenario);
    std::size_t planted = 0;
    std::set<std::pair<std::uint32_t, std::int64_t>> explained;
    for (const PlantedFraud& fraud : generated.planted) {
      if (fraud.scenario != scenario) continue;
      CAPTURE(format_planted_fraud(fraud));
      ++planted;
      std::size_t hits = 0;
      for (const auto& hit : found) {
        if (hit.first != fraud.key || hit.second < fraud.first_us || hit.second > fraud.last_us)
          continue;
        explained.insert(hit);
        ++hits;
      }
      CHECK(hits >= 1);
    }
    CAPTURE(i);
    CHECK(planted > 15);
    // Honest cards do escalate now and then.
    const std::size_t unexplained = found.size() - explained.size();
    CHECK(unexplained <= (scenario == FraudScenario::kEscalation ? planted : 0));
  }
}

TEST_CASE("generate: planted scenarios are as documented, and the truth names their events") {
  const Generated generated = generate({.events = 60'000, .seed = 9, .fraud_per_thousand = 5});
  std::map<FraudScenario, int> counts;
  std::int64_t last_us = 0;
  for (const PlantedFraud& fraud : generated.planted) {
    CAPTURE(format_planted_fraud(fraud));
    ++counts[fraud.scenario];
    CHECK(fraud.last_us >= last_us);
    last_us = fraud.last_us;
    std::vector<PaymentEvent> events;
    for (const std::uint64_t number : fraud.events) events.push_back(generated.events[number - 1]);
    CHECK(events.front().ts_us == fraud.first_us);
    CHECK(events.back().ts_us == fraud.last_us);
    CHECK(fraud_key(fraud.scenario, events.front()) == fraud.key);
    const std::int64_t span = fraud.last_us - fraud.first_us;
    switch (fraud.scenario) {
      case FraudScenario::kCardTesting:
        CHECK((events.size() == 4 || events.size() == 5));
        for (std::size_t i = 0; i + 1 < events.size(); ++i) CHECK(events[i].amount_cents < 200);
        CHECK(events.back().amount_cents > 20'000);
        CHECK(span < 8 * kMinute);
        break;
      case FraudScenario::kAccountTakeover:
        CHECK(events.size() >= 7);
        CHECK(events.size() <= 9);
        CHECK(events[events.size() - 4].flag);
        CHECK(events[events.size() - 4].country != kCountries.size());
        CHECK(events[events.size() - 3].type == Type::kPasswordChange);
        CHECK(events[events.size() - 2].amount_cents > 100'000);
        CHECK(events.back().type == Type::kOtpOk);
        CHECK(span < 40 * kMinute);
        break;
      case FraudScenario::kImpossibleTravel:
        CHECK(events.size() == 2);
        CHECK(events[0].country != events[1].country);
        CHECK(span < 20 * kMinute);
        break;
      case FraudScenario::kVelocity:
        CHECK(events.size() >= 7);
        CHECK(events.size() <= 9);
        CHECK(span < 5 * kMinute);
        break;
      case FraudScenario::kEscalation:
        CHECK(events.size() == 3);
        CHECK(events[1].amount_cents * 10 >= events[0].amount_cents * 21);
        CHECK(events[2].amount_cents * 10 >= events[1].amount_cents * 21);
        CHECK(events[2].amount_cents > 20'000);
        CHECK(span < 40 * kMinute);
        break;
      case FraudScenario::kUnconfirmedTransfer:
        CHECK(events.size() == 1);
        CHECK(events[0].flag);
        CHECK(events[0].amount_cents > 100'000);
        break;
      case FraudScenario::kSharedDevice: {
        std::set<std::uint32_t> accounts;
        for (const PaymentEvent& event : events) {
          CHECK(event.device == fraud.key);
          CHECK(event.channel == PaymentChannel::kEcom);
          accounts.insert(event.account);
        }
        CHECK(accounts.size() == events.size());
        CHECK(events.size() >= 5);
        CHECK(events.size() <= 8);
        CHECK(span < 30 * kMinute);
        break;
      }
    }
  }
  CHECK(counts.size() == kFraudScenarios);
}

TEST_CASE("generate: a line of the truth file") {
  const PlantedFraud fraud = {FraudScenario::kSharedDevice, 7, {3, 9}, 10, 20};
  CHECK(
      format_planted_fraud(fraud) ==
      R"({"scenario":"shared_device","key":{"device":"d7"},"events":["e3","e9"],"first_ts":10,"last_ts":20})");
}

TEST_CASE("stream random: known numbers, and every one in its bounds") {
  // xoshiro256++ from the state that splitmix64 makes of 0; the latter's first number is
  // 0xe220a8397b1dcdaf.
  CHECK(mixed(0) == 0xe220a8397b1dcdaf);
  StreamRandom random(0);
  const std::uint64_t first = random.bits();
  const std::uint64_t second = random.bits();
  CHECK(first == 0x53175d61490b23df);
  CHECK(second == 0x61da6f3dc380d507);
  double sum = 0;
  std::map<std::int64_t, int> dice;
  for (int i = 0; i < 60'000; ++i) {
    const double waited = random.exponential();
    CHECK(waited >= 0.0);
    sum += waited;
    ++dice[random.between(-2, 3)];
    CHECK(random.unit() < 1.0);
    CHECK(random.below(1) == 0);
  }
  CHECK(sum / 60'000 > 0.98);
  CHECK(sum / 60'000 < 1.02);
  REQUIRE(dice.size() == 6);
  for (const auto& [face, count] : dice) {
    CHECK(count > 9'500);
    CHECK(count < 10'500);
  }
}

TEST_CASE("stream random: a weighted choice keeps its weights") {
  const double weights[] = {1.0, 0.5, 6.0, 2.5};
  const WeightedChoice choice(weights);
  StreamRandom random(1);
  std::map<std::uint32_t, int> counts;
  for (int i = 0; i < 100'000; ++i) ++counts[choice.draw(random)];
  for (std::uint32_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    CHECK(counts[i] > weights[i] * 9'500);
    CHECK(counts[i] < weights[i] * 10'500);
  }
  const double one[] = {3.0};
  CHECK(WeightedChoice(one).draw(random) == 0);
}
}  // namespace
}  // namespace tocsin::api
