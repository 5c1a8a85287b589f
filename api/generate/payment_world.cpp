#include "api/generate/payment_world.h"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

namespace tocsin::api {
namespace {
constexpr std::size_t kChannels = 3;

constexpr Trade kPosTrades[] = {
    {5411, 30, 3500, false}, {5812, 18, 2800, true}, {5814, 12, 1100, true},
    {5541, 8, 5500, false},  {5912, 8, 1800, false}, {5999, 8, 2500, true},
    {4111, 4, 450, false},   {5311, 5, 5200, true},  {5651, 7, 6000, true},
};
constexpr Trade kEcomTrades[] = {
    {5732, 14, 14000, true}, {5942, 14, 1800, true},   {5816, 16, 1200, true},
    {5968, 12, 1300, true},  {4899, 10, 1000, true},   {5651, 20, 6500, true},
    {7995, 4, 4000, false},  {4511, 10, 22000, false},
};
constexpr Trade kAtmTrades[] = {{6011, 1, 10000, false}};

std::span<const Trade> trades_of(PaymentChannel channel) {
  switch (channel) {
    case PaymentChannel::kPos:
      return kPosTrades;
    case PaymentChannel::kEcom:
      return kEcomTrades;
    case PaymentChannel::kAtm:
      break;
  }
  return kAtmTrades;
}

WeightedChoice merchant_countries() {
  std::vector<double> weights;
  weights.reserve(kCountries.size());
  for (const Country& country : kCountries) weights.push_back(country.merchant_weight);
  return WeightedChoice(weights);
}

// Weights 1 / (rank + shift): a Zipf-Mandelbrot law with exponent 1, exact to the last bit.
std::vector<double> ranked_weights(std::size_t count, double shift) {
  std::vector<double> weights(count);
  for (std::size_t rank = 0; rank < count; ++rank)
    weights[rank] = 1.0 / (static_cast<double>(rank) + shift);
  return weights;
}

template <typename Item>
void shuffle(std::vector<Item>& items, StreamRandom& random) {
  for (std::size_t left = items.size(); left > 1; --left) {
    const std::uint32_t other = random.below(static_cast<std::uint32_t>(left));
    std::swap(items[left - 1], items[other]);
  }
}

// Few accounts are very busy; which ones is a matter of the seed.
WeightedChoice activity_of(std::uint32_t count, StreamRandom& random) {
  std::vector<double> weights = ranked_weights(count, 1.0 + count / 50.0);
  shuffle(weights, random);
  return WeightedChoice(weights);
}
}  // namespace

Merchants::Merchants(std::uint32_t count, StreamRandom& random) : countries_(merchant_countries()) {
  std::uint32_t weights = 0;
  for (const Country& country : kCountries) weights += country.merchant_weight;
  std::uint32_t next_number = 1;
  for (const Country& country : kCountries) {
    const std::uint32_t here = std::max(count * country.merchant_weight / weights, 20u);
    // In the order of PaymentChannel.
    for (const auto& [channel, share] : {std::pair{PaymentChannel::kPos, here * 7 / 10},
                                         std::pair{PaymentChannel::kEcom, here * 2 / 10},
                                         std::pair{PaymentChannel::kAtm, here / 10}})
      streets_.push_back(make_street(next_number, share, channel, random));
  }
}

Merchants::Street Merchants::make_street(std::uint32_t& next_number, std::uint32_t count,
                                         PaymentChannel channel, StreamRandom& random) {
  const std::span<const Trade> trades = trades_of(channel);
  std::vector<double> trade_weights;
  for (const Trade& trade : trades) trade_weights.push_back(trade.weight);
  const WeightedChoice trade_choice(trade_weights);
  std::vector<Merchant> merchants;
  for (std::uint32_t i = 0; i < count; ++i)
    merchants.push_back({next_number++, &trades[trade_choice.draw(random)]});
  return {std::move(merchants), WeightedChoice(ranked_weights(count, 3.0))};
}

Merchant Merchants::draw(std::uint8_t country, PaymentChannel channel, StreamRandom& random) const {
  const Street& street = streets_[country * kChannels + static_cast<std::size_t>(channel)];
  return street.merchants[street.choice.draw(random)];
}

std::uint8_t Merchants::draw_country(StreamRandom& random) const {
  return static_cast<std::uint8_t>(countries_.draw(random));
}

Customers::Customers(std::uint32_t count, StreamRandom& random)
    : accounts_(count),
      cards_(count + count / 2),
      activity_(activity_of(count, random)),
      next_stranger_device_(2 * count) {
  std::vector<double> home_weights;
  home_weights.reserve(kCountries.size());
  for (const Country& country : kCountries) home_weights.push_back(country.home_weight);
  const WeightedChoice homes(home_weights);
  for (Account& account : accounts_) {
    account.home = static_cast<std::uint8_t>(homes.draw(random));
    account.place = account.home;
  }
  for (Card& card : cards_) card.recent_us.fill(std::numeric_limits<std::int64_t>::min() / 2);
}

std::uint32_t Customers::draw_card(std::uint32_t account, StreamRandom& random) const {
  const bool has_second = account < count() / 2;
  return has_second && random.chance(400) ? count() + account : account;
}

std::uint32_t Customers::draw_device(std::uint32_t account, StreamRandom& random) const {
  const bool shares_neighbours = mixed(account) % 25 == 0 && (account ^ 1) < count();
  const std::uint32_t owner = shares_neighbours ? account ^ 1 : account;
  return 2 * owner + (random.chance(250) ? 1 : 0);
}

std::uint32_t Customers::home_ip(std::uint32_t account) const {
  return 0xc6120000 | static_cast<std::uint32_t>(mixed(account + 0x10000000000) & 0x1ffff);
}

std::uint32_t Customers::draw_ip(StreamRandom& random) {
  return 0xc6120000 | random.below(0x20000);
}

std::uint32_t Customers::usual_payee(std::uint32_t account, StreamRandom& random) const {
  const std::uint64_t which = random.below(4);
  const std::uint64_t place = mixed(account * std::uint64_t{4} + which + 0x20000000000);
  return other_than(account, static_cast<std::uint32_t>(place % count()));
}

std::uint32_t Customers::any_payee(std::uint32_t account, StreamRandom& random) const {
  return other_than(account, random.below(count()));
}

// Nobody pays himself.
std::uint32_t Customers::other_than(std::uint32_t account, std::uint32_t drawn) const {
  return drawn != account ? drawn : (drawn + 1) % count();
}
}  // namespace tocsin::api
