#include "api/generate/payment_stream.h"

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"

namespace tocsin::api {
namespace {
constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kMinuteUs = 60 * kSecondUs;
constexpr std::int64_t kHourUs = 60 * kMinuteUs;
constexpr std::int64_t kDayUs = 24 * kHourUs;

// How much happens at each full hour (UTC), in no unit; between them it changes evenly.
constexpr std::array<int, 24> kDailyRhythm = {300,  180,  120,  100,  110,  200,  450,  850,
                                              1150, 1300, 1400, 1500, 1700, 1600, 1450, 1450,
                                              1550, 1800, 1900, 1700, 1450, 1150, 800,  500};
constexpr double kRhythmMean = 24'710.0 / 24.0;

constexpr std::uint32_t kSessionsPerThousand = 220;  // of the background; the rest is card payments
constexpr double kEventsPerAction = 1.13;            // of the background, with what follows from it
constexpr double kAccountsByRateMax = 2e6;
constexpr int kDrawsMax = 64;                          // for an account that is free
constexpr std::int64_t kCardPauseUs = 10 * kMinuteUs;  // honest cards: at most 4 payments in it

double rhythm_at(std::int64_t ts_us) {
  const std::int64_t of_day = ((ts_us % kDayUs) + kDayUs) % kDayUs;
  const auto hour = static_cast<std::size_t>(of_day / kHourUs);
  const double part = static_cast<double>(of_day % kHourUs) / static_cast<double>(kHourUs);
  const double from = kDailyRhythm[hour];
  const double to = kDailyRhythm[(hour + 1) % 24];
  return (from + (to - from) * part) / kRhythmMean;
}

bool is_night(std::int64_t ts_us) { return ((ts_us % kDayUs) + kDayUs) % kDayUs < 6 * kHourUs; }

std::uint32_t accounts_of(const PaymentStreamOptions& options) {
  if (options.accounts != 0) return options.accounts;
  const double wanted = std::min(options.rate * 5000.0, kAccountsByRateMax);
  return std::max(static_cast<std::uint32_t>(wanted), 1000u);
}
}  // namespace

PaymentStream::PaymentStream(const PaymentStreamOptions& options)
    : options_(options),
      random_(options.seed),
      merchants_(std::max(accounts_of(options) / 6, 1000u), random_),
      customers_(accounts_of(options), random_),
      planner_(customers_, merchants_, random_),
      now_us_(options.start_us) {
  TOCSIN_ASSERT(options.rate > 0 && customers_.count() >= kAccountsMin,
                "the command line checks them");
  draw_next_action();
}

bool PaymentStream::next(PaymentEvent& event) {
  while (true) {
    const bool is_background_over = committed_ == options_.events;
    if (!planned_.empty() && (is_background_over || planned_.top().event.ts_us <= now_us_)) {
      event = planned_.top().event;
      planned_.pop();
      give(event);
      return true;
    }
    if (is_background_over) return false;
    const bool has_event = act(event);
    draw_next_action();
    if (has_event) {
      give(event);
      return true;
    }
  }
}

std::vector<PlantedFraud> PaymentStream::take_completed() { return std::exchange(completed_, {}); }

// Numbers the event; closes the book on a scenario with its last one.
void PaymentStream::give(PaymentEvent& event) {
  event.number = ++given_;
  if (event.plant == 0) return;
  const auto found = plantings_.find(event.plant);
  found->second.fraud.events.push_back(event.number);
  if (--found->second.events_left > 0) return;
  completed_.push_back(std::move(found->second.fraud));
  plantings_.erase(found);
}

// Lets one thing happen now; true where it is a single event, which is then in `event`.
bool PaymentStream::act(PaymentEvent& event) {
  const double die = random_.unit() * 1000.0;
  if (die < options_.fraud_per_thousand) {
    plant(fraud_rotation_.next(random_));
    return false;
  }
  if (die < 3.0 * options_.fraud_per_thousand) {
    plant_near_miss(near_miss_rotation_.next(random_));
    return false;
  }
  if (random_.chance(kSessionsPerThousand)) {
    for (int i = 0; i < kDrawsMax; ++i) {
      const std::uint32_t account = customers_.draw_account(random_);
      if (!is_ready(account) || customers_.account(account).session_until > now_us_) continue;
      plan_session(account);
      return false;
    }
  }
  event = draw_payment();
  ++committed_;
  return true;
}

void PaymentStream::draw_next_action() {
  const double mean_us = 1e6 * kEventsPerAction / (options_.rate * rhythm_at(now_us_));
  // What is cut off is carried on, or short gaps would be too short on average.
  const double gap_us = random_.exponential() * mean_us + carried_us_;
  const auto whole_us = static_cast<std::int64_t>(gap_us);
  carried_us_ = gap_us - static_cast<double>(whole_us);
  now_us_ += whole_us;
}

void PaymentStream::plan(const PaymentEvent& event) {
  planned_.push({event, planned_count_++});
  ++committed_;
}

void PaymentStream::plant(FraudScenario scenario) {
  std::vector<PaymentEvent> events = planner_.plan(scenario, now_us_);
  if (events.empty() || !has_room(events.size())) return;
  ++last_plant_;
  for (PaymentEvent& event : events) {
    event.plant = last_plant_;
    plan(event);
  }
  PlantedFraud fraud;
  fraud.scenario = scenario;
  fraud.key = fraud_key(scenario, events.front());
  fraud.first_us = events.front().ts_us;
  fraud.last_us = events.back().ts_us;
  plantings_.emplace(last_plant_, Planting{std::move(fraud), events.size()});
}

void PaymentStream::plant_near_miss(FraudScenario scenario) {
  const std::vector<PaymentEvent> events = planner_.plan_near_miss(scenario, now_us_);
  if (!has_room(events.size())) return;
  for (const PaymentEvent& event : events) plan(event);
}

FraudScenario PaymentStream::Rotation::next(StreamRandom& random) {
  if (at == order.size()) {
    at = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::size_t place = random.below(static_cast<std::uint32_t>(i + 1));
      order[i] = order[place];
      order[place] = static_cast<FraudScenario>(i);
    }
  }
  return order[at++];
}

// True when the account may act now. Journeys begin and end here, each with some hours of nothing.
bool PaymentStream::is_ready(std::uint32_t account) {
  Account& state = customers_.account(account);
  if (state.quiet_until > now_us_) return false;
  const bool comes_home = state.trip_until != 0 && state.trip_until <= now_us_;
  const bool leaves = state.trip_until == 0 && random_.below(2000) == 0;
  if (!comes_home && !leaves) return true;
  state.place = comes_home ? state.home : merchants_.draw_country(random_);
  state.trip_until = comes_home ? 0 : now_us_ + random_.between(kDayUs, 6 * kDayUs);
  state.quiet_until = now_us_ + 3 * kHourUs;
  return false;
}

PaymentEvent PaymentStream::draw_payment() {
  std::uint32_t account = 0;
  std::uint32_t card = 0;
  // Where hardly anybody is free, the last one drawn pays all the same.
  for (int i = 0; i < kDrawsMax; ++i) {
    account = customers_.draw_account(random_);
    if (!is_ready(account)) continue;
    card = customers_.draw_card(account, random_);
    if (customers_.card(card).recent_us.back() < now_us_ - kCardPauseUs) break;
  }
  card = card % customers_.count() == account ? card : account;
  const Account& state = customers_.account(account);

  PaymentEvent event;
  event.ts_us = now_us_;
  event.type = PaymentEventType::kPayment;
  event.account = account;
  event.card = card;
  event.currency_of = state.home;
  event.country = state.place;
  const std::uint32_t die = random_.below(100);
  const std::uint32_t online = is_night(now_us_) ? 75 : 40;
  if (die < online) {
    event.channel = PaymentChannel::kEcom;
    event.device = customers_.draw_device(account, random_);
    event.country = random_.chance(780) ? state.home : merchants_.draw_country(random_);
  } else {
    event.channel = die < 94 ? PaymentChannel::kPos : PaymentChannel::kAtm;
  }
  const Merchant merchant = merchants_.draw(event.country, event.channel, random_);
  event.merchant = merchant.number;
  event.mcc = merchant.trade->mcc;
  event.amount_cents = event.channel == PaymentChannel::kAtm ? random_.between(1, 20) * 2000
                                                             : draw_amount(*merchant.trade);
  // Honest cards seldom double twice in an hour: one time in a hundred of those that chance would
  // bring.
  Card& card_state = customers_.card(card);
  const std::int64_t usual_cents = 2 * card_state.recent_cents[0];
  const bool is_escalation =
      event.amount_cents > usual_cents && card_state.has_doubled(now_us_ - kHourUs);
  if (is_escalation && !random_.chance(10)) event.amount_cents = usual_cents;
  card_state.note_payment(now_us_, event.amount_cents);
  return event;
}

// Most between a third of the trade's base and the double; one in 500 is five times as much.
std::int64_t PaymentStream::draw_amount(const Trade& trade) {
  const double u = random_.unit();
  const double u2 = u * u;
  const double u8 = u2 * u2 * u2 * u2;
  double cents = trade.base_cents * (0.3 + 1.1 * u2 + 2.6 * u8 * u8);
  const std::uint32_t die = random_.below(1000);
  if (die < 2) cents *= 5.0;
  std::int64_t amount = std::max<std::int64_t>(static_cast<std::int64_t>(cents), 50);
  if (!trade.round_prices || amount < 300) return amount;
  if (die < 400) return amount / 100 * 100 + 99;
  if (die < 600) return amount / 100 * 100;
  return die < 700 ? amount / 100 * 100 + 50 : amount;
}

// A visit to the bank's site: a login, perhaps at the second or third try, then perhaps something
// done.
void PaymentStream::plan_session(std::uint32_t account) {
  Account& state = customers_.account(account);
  PaymentEvent event;
  event.type = PaymentEventType::kLogin;
  event.account = account;
  event.device = customers_.draw_device(account, random_);
  event.ip = random_.chance(700) ? customers_.home_ip(account) : Customers::draw_ip(random_);
  event.country = state.place;
  const std::uint32_t failures_die = random_.below(1000);
  const int failures = failures_die < 10 ? 2 : failures_die < 60 ? 1 : 0;
  const std::uint32_t deed_die = random_.below(1000);
  const bool transfers = deed_die < 350;
  const bool changes_password = deed_die >= 350 && deed_die < 365;
  const std::int64_t cents =
      random_.chance(250) ? random_.between(100'001, 500'000) : random_.between(500, 100'000);
  const bool confirms = transfers && (cents > 100'000 || random_.chance(200));
  const std::size_t planned = std::size_t{1} + static_cast<std::size_t>(failures) +
                              std::size_t{transfers} + std::size_t{changes_password} +
                              std::size_t{confirms};
  if (!has_room(planned)) return;

  event.ts_us = now_us_;
  for (int i = 0; i <= failures; ++i) {
    event.flag = i == failures;
    plan(event);
    event.ts_us += random_.between(5 * kSecondUs, 25 * kSecondUs);
  }
  event.ts_us += random_.between(10 * kSecondUs, 150 * kSecondUs);
  if (changes_password) {
    event.type = PaymentEventType::kPasswordChange;
    plan(event);
  }
  if (transfers) {
    event.type = PaymentEventType::kTransfer;
    event.amount_cents = cents;
    event.flag = random_.chance(200);
    event.other_account = event.flag ? customers_.any_payee(account, random_)
                                     : customers_.usual_payee(account, random_);
    plan(event);
  }
  if (confirms) {
    event.type = PaymentEventType::kOtpOk;
    event.ts_us += random_.between(5 * kSecondUs, 200 * kSecondUs);
    plan(event);
  }
  state.session_until = event.ts_us;
}
}  // namespace tocsin::api
