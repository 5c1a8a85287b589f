#include "api/generate/planted_fraud.h"

#include <fmt/format.h>

#include "cep/base/assert.h"

namespace tocsin::api {
namespace {
constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kMinuteUs = 60 * kSecondUs;
constexpr std::int64_t kHourUs = 60 * kMinuteUs;
constexpr int kVictimTries = 64;

struct ScenarioName {
  std::string_view name;
  std::string_view key_field;
  char key_letter;
};
constexpr ScenarioName kScenarioNames[kFraudScenarios] = {
    {"card_testing", "card", 'c'},      {"account_takeover", "account", 'a'},
    {"impossible_travel", "card", 'c'}, {"velocity", "card", 'c'},
    {"escalation", "card", 'c'},        {"unconfirmed_transfer", "account", 'a'},
    {"shared_device", "device", 'd'},
};

const ScenarioName& name_of(FraudScenario scenario) {
  return kScenarioNames[static_cast<std::size_t>(scenario)];
}
}  // namespace

std::string format_planted_fraud(const PlantedFraud& fraud) {
  const ScenarioName& name = name_of(fraud.scenario);
  std::string events;
  for (const std::uint64_t number : fraud.events)
    events += fmt::format("{}\"{}\"", events.empty() ? "" : ",", event_id(number));
  return fmt::format(
      R"({{"scenario":"{}","key":{{"{}":"{}{}"}},"events":[{}],"first_ts":{},"last_ts":{}}})",
      name.name, name.key_field, name.key_letter, fraud.key, events, fraud.first_us, fraud.last_us);
}

std::uint32_t fraud_key(FraudScenario scenario, const PaymentEvent& first) {
  switch (name_of(scenario).key_letter) {
    case 'c':
      return first.card;
    case 'a':
      return first.account;
    default:
      return first.device;
  }
}

std::vector<PaymentEvent> FraudPlanner::plan(FraudScenario scenario, std::int64_t now_us) {
  switch (scenario) {
    case FraudScenario::kCardTesting:
      return card_testing(now_us, static_cast<int>(random_.between(3, 4)));
    case FraudScenario::kAccountTakeover:
      return account_takeover(now_us, true);
    case FraudScenario::kImpossibleTravel:
      return impossible_travel(now_us, true);
    case FraudScenario::kVelocity:
      return velocity(now_us, static_cast<int>(random_.between(7, 9)));
    case FraudScenario::kEscalation:
      return escalation(now_us, true);
    case FraudScenario::kUnconfirmedTransfer:
      return late_confirmation(now_us, true);
    case FraudScenario::kSharedDevice:
      return shared_device(now_us, static_cast<int>(random_.between(5, 8)));
  }
  TOCSIN_ASSERT(false, "the switch names every scenario");
}

std::vector<PaymentEvent> FraudPlanner::plan_near_miss(FraudScenario scenario,
                                                       std::int64_t now_us) {
  switch (scenario) {
    case FraudScenario::kCardTesting:
      return card_testing(now_us, 2);
    case FraudScenario::kAccountTakeover:
      return account_takeover(now_us, false);
    case FraudScenario::kImpossibleTravel:
      return impossible_travel(now_us, false);
    case FraudScenario::kVelocity:
      return velocity(now_us, 5);
    case FraudScenario::kEscalation:
      return escalation(now_us, false);
    case FraudScenario::kUnconfirmedTransfer:
      return late_confirmation(now_us, false);
    case FraudScenario::kSharedDevice:
      return shared_device(now_us, 4);
  }
  TOCSIN_ASSERT(false, "the switch names every scenario");
}

// An account at home with nothing going on, and one of its cards, unused for an hour. False where
// none was found.
bool FraudPlanner::draw_victim(std::int64_t now_us, std::uint32_t& account, std::uint32_t& card) {
  for (int i = 0; i < kVictimTries; ++i) {
    account = customers_.draw_account(random_);
    card = customers_.draw_card(account, random_);
    const Account& state = customers_.account(account);
    const bool is_free =
        state.quiet_until <= now_us && state.session_until <= now_us && state.trip_until == 0;
    if (is_free && customers_.card(card).recent_us[0] < now_us - kHourUs) return true;
  }
  return false;
}

void FraudPlanner::set_quiet(const Events& events) {
  for (const PaymentEvent& event : events) {
    Account& account = customers_.account(event.account);
    account.quiet_until = events.back().ts_us + kHourUs;
    account.session_until = account.quiet_until;
  }
}

PaymentEvent FraudPlanner::payment(std::int64_t ts_us, std::uint32_t account, std::uint32_t card,
                                   std::uint8_t country, PaymentChannel channel,
                                   std::uint32_t device, std::int64_t amount_cents) {
  const Merchant merchant = merchants_.draw(country, channel, random_);
  PaymentEvent event;
  event.ts_us = ts_us;
  event.type = PaymentEventType::kPayment;
  event.channel = channel;
  event.country = country;
  event.currency_of = customers_.account(account).home;
  event.mcc = merchant.trade->mcc;
  event.account = account;
  event.card = card;
  event.device = device;
  event.merchant = merchant.number;
  event.amount_cents = amount_cents;
  return event;
}

PaymentEvent FraudPlanner::login(std::int64_t ts_us, std::uint32_t account, std::uint32_t device,
                                 bool is_stranger, bool ok) {
  PaymentEvent event;
  event.ts_us = ts_us;
  event.type = PaymentEventType::kLogin;
  event.account = account;
  event.device = device;
  event.ip = customers_.home_ip(account);
  event.country = customers_.account(account).place;
  // A stranger keeps one address: the device's.
  if (is_stranger) event.ip = 0xc6120000 | static_cast<std::uint32_t>(mixed(device) & 0x1ffff);
  event.flag = ok;
  return event;
}

PaymentEvent FraudPlanner::transfer(std::int64_t ts_us, std::uint32_t account,
                                    std::int64_t amount_cents) {
  PaymentEvent event;
  event.ts_us = ts_us;
  event.type = PaymentEventType::kTransfer;
  event.account = account;
  event.other_account = customers_.any_payee(account, random_);
  event.amount_cents = amount_cents;
  event.flag = true;
  return event;
}

// A country from `first` to `end` - 1 that is not `than`.
std::uint8_t FraudPlanner::draw_other_country(std::uint8_t than, std::uint8_t first,
                                              std::uint8_t end) {
  const auto country = static_cast<std::uint8_t>(random_.between(first, end - 1));
  if (country != than) return country;
  return static_cast<std::uint8_t>(country + 1 < end ? country + 1 : first);
}

FraudPlanner::Events FraudPlanner::card_testing(std::int64_t now_us, int small_payments) {
  Events events;
  std::uint32_t account, card;
  if (!draw_victim(now_us, account, card)) return events;
  const std::uint32_t device = customers_.new_stranger_device();
  const std::uint8_t country = merchants_.draw_country(random_);
  std::int64_t ts_us = now_us;
  for (int i = 0; i < small_payments; ++i) {
    const std::int64_t cents = random_.between(50, 199);
    events.push_back(payment(ts_us, account, card, country, PaymentChannel::kEcom, device, cents));
    ts_us += random_.between(10 * kSecondUs, 60 * kSecondUs);
  }
  ts_us += random_.between(10 * kSecondUs, 60 * kSecondUs);
  const std::int64_t cents = random_.between(20'001, 95'000);
  events.push_back(payment(ts_us, account, card, country, PaymentChannel::kEcom, device, cents));
  set_quiet(events);
  return events;
}

// Fraud: a stranger abroad who moves money. Else: the owner, who has forgotten the password.
FraudPlanner::Events FraudPlanner::account_takeover(std::int64_t now_us, bool is_fraud) {
  Events events;
  std::uint32_t account, card;
  if (!draw_victim(now_us, account, card)) return events;
  const std::uint8_t home = customers_.account(account).home;
  const std::uint8_t abroad = draw_other_country(home, 0, kCountries.size());
  const std::uint32_t device =
      is_fraud ? customers_.new_stranger_device() : customers_.draw_device(account, random_);
  const std::int64_t failures = random_.between(3, 5);
  std::int64_t ts_us = now_us;
  for (std::int64_t i = 0; i <= failures; ++i) {
    PaymentEvent event = login(ts_us, account, device, is_fraud, i == failures);
    if (is_fraud) event.country = abroad;
    events.push_back(event);
    ts_us += random_.between(8 * kSecondUs, 40 * kSecondUs);
  }
  PaymentEvent change;
  change.ts_us = ts_us + random_.between(20 * kSecondUs, 4 * kMinuteUs);
  change.type = PaymentEventType::kPasswordChange;
  change.account = account;
  events.push_back(change);
  if (is_fraud) {
    ts_us = change.ts_us + random_.between(kMinuteUs, 20 * kMinuteUs);
    const std::int64_t cents = random_.between(100'001, 900'000);
    events.push_back(transfer(ts_us, account, cents));
    PaymentEvent confirmation;
    confirmation.ts_us = ts_us + random_.between(15 * kSecondUs, 60 * kSecondUs);
    confirmation.type = PaymentEventType::kOtpOk;
    confirmation.account = account;
    events.push_back(confirmation);
  }
  set_quiet(events);
  return events;
}

// Fraud: a card at home and minutes later far away. Else: across a border within the hour or two.
FraudPlanner::Events FraudPlanner::impossible_travel(std::int64_t now_us, bool is_fraud) {
  Events events;
  std::uint32_t account, card;
  if (!draw_victim(now_us, account, card)) return events;
  const std::uint8_t home = customers_.account(account).home;
  const std::uint8_t abroad = is_fraud ? draw_other_country(home, kFarCountries, kCountries.size())
                                       : draw_other_country(home, 0, kFarCountries);
  const std::int64_t gap_us = is_fraud ? random_.between(3 * kMinuteUs, 19 * kMinuteUs)
                                       : random_.between(40 * kMinuteUs, 110 * kMinuteUs);
  const std::int64_t first_cents = random_.between(300, 9'000);
  const std::int64_t second_cents = random_.between(300, 9'000);
  events.push_back(payment(now_us, account, card, home, PaymentChannel::kPos, 0, first_cents));
  events.push_back(
      payment(now_us + gap_us, account, card, abroad, PaymentChannel::kPos, 0, second_cents));
  set_quiet(events);
  return events;
}

FraudPlanner::Events FraudPlanner::velocity(std::int64_t now_us, int payments) {
  Events events;
  std::uint32_t account, card;
  if (!draw_victim(now_us, account, card)) return events;
  const std::uint32_t device = customers_.new_stranger_device();
  const std::uint8_t country = merchants_.draw_country(random_);
  std::int64_t ts_us = now_us;
  for (int i = 0; i < payments; ++i) {
    const std::int64_t cents = random_.between(500, 9'000);
    events.push_back(payment(ts_us, account, card, country, PaymentChannel::kEcom, device, cents));
    ts_us += random_.between(8 * kSecondUs, 32 * kSecondUs);
  }
  set_quiet(events);
  return events;
}

// Fraud: three payments in a row, each more than twice the one before. Else: the same over more
// than an hour.
FraudPlanner::Events FraudPlanner::escalation(std::int64_t now_us, bool is_fraud) {
  Events events;
  std::uint32_t account, card;
  if (!draw_victim(now_us, account, card)) return events;
  const std::uint8_t home = customers_.account(account).home;
  std::int64_t cents = random_.between(4'200, 9'000);
  std::int64_t ts_us = now_us;
  for (int i = 0; i < 3; ++i) {
    events.push_back(payment(ts_us, account, card, home, PaymentChannel::kPos, 0, cents));
    cents = cents * random_.between(220, 300) / 100;
    ts_us += is_fraud ? random_.between(2 * kMinuteUs, 19 * kMinuteUs)
                      : random_.between(31 * kMinuteUs, 50 * kMinuteUs);
  }
  set_quiet(events);
  return events;
}

// Fraud: a large transfer to a stranger that is never confirmed. Else: it is, just in time.
FraudPlanner::Events FraudPlanner::late_confirmation(std::int64_t now_us, bool is_fraud) {
  Events events;
  std::uint32_t account, card;
  if (!draw_victim(now_us, account, card)) return events;
  const std::int64_t cents = random_.between(100'001, 900'000);
  events.push_back(transfer(now_us, account, cents));
  if (!is_fraud) {
    PaymentEvent confirmation;
    confirmation.ts_us = now_us + random_.between(200 * kSecondUs, 290 * kSecondUs);
    confirmation.type = PaymentEventType::kOtpOk;
    confirmation.account = account;
    events.push_back(confirmation);
  }
  set_quiet(events);
  return events;
}

FraudPlanner::Events FraudPlanner::shared_device(std::int64_t now_us, int cards) {
  Events events;
  const std::uint32_t device = customers_.new_stranger_device();
  const std::uint8_t country = merchants_.draw_country(random_);
  std::int64_t ts_us = now_us;
  for (int i = 0; i < cards; ++i) {
    std::uint32_t account, card;
    if (!draw_victim(now_us, account, card)) break;
    // The account is taken at once, so that it is not drawn again.
    customers_.account(account).quiet_until = now_us + 2 * kHourUs;
    const std::int64_t cents = random_.between(1'000, 15'000);
    events.push_back(payment(ts_us, account, card, country, PaymentChannel::kEcom, device, cents));
    ts_us += random_.between(20 * kSecondUs, 200 * kSecondUs);
  }
  if (static_cast<int>(events.size()) < cards) return {};
  set_quiet(events);
  return events;
}
}  // namespace tocsin::api
