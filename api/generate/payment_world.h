/// Who takes part in a generated stream: countries, merchants, accounts with their cards and
/// devices.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "api/generate/countries.h"
#include "api/generate/payment_event.h"
#include "api/generate/stream_random.h"

namespace tocsin::api {
/// A kind of shop and what is paid there.
struct Trade {
  std::uint16_t mcc;
  std::uint16_t weight;     // of merchants of its channel
  std::int32_t base_cents;  // most amounts lie between a third of it and the double
  bool round_prices;        // often ends in .99, .50 or .00
};

struct Merchant {
  std::uint32_t number;
  const Trade* trade;
};

/// Shops: for each country and channel a list in which the first ones are visited most (a Zipf law
/// with exponent 1).
class Merchants {
 public:
  Merchants(std::uint32_t count, StreamRandom& random);
  Merchant draw(std::uint8_t country, PaymentChannel channel, StreamRandom& random) const;
  /// A country to shop in from anywhere.
  std::uint8_t draw_country(StreamRandom& random) const;

 private:
  struct Street {
    std::vector<Merchant> merchants;
    WeightedChoice choice;
  };
  static Street make_street(std::uint32_t& next_number, std::uint32_t count, PaymentChannel channel,
                            StreamRandom& random);

  WeightedChoice countries_;
  std::vector<Street> streets_;  // by country and channel
};

/// What an account is, and how far its life has come. Times are event times in microseconds.
struct Account {
  std::uint8_t home = 0;           // country
  std::uint8_t place = 0;          // country where its cards are carried now
  std::int64_t trip_until = 0;     // abroad until then; 0: at home
  std::int64_t quiet_until = 0;    // nothing of its own happens before
  std::int64_t session_until = 0;  // its last planned event that is not a card payment
};
/// The last payments of a card, newest first.
struct Card {
  std::array<std::int64_t, 4> recent_us{};
  std::array<std::int64_t, 2> recent_cents{};

  void note_payment(std::int64_t ts_us, std::int64_t cents) {
    for (std::size_t i = recent_us.size() - 1; i > 0; --i) recent_us[i] = recent_us[i - 1];
    recent_us[0] = ts_us;
    recent_cents = {cents, recent_cents[0]};
  }
  /// True when its last payment was more than twice the one before, and both lie after `since_us`.
  bool has_doubled(std::int64_t since_us) const {
    return recent_us[1] > since_us && recent_cents[0] > 2 * recent_cents[1];
  }
};

/// Accounts and what is theirs. Account `a` has card `a`, and card `accounts + a` where `a` is
/// below half of them; devices `2a` and `2a + 1`, but one account in 25 uses its neighbour's.
/// Devices from 2 * accounts on are strangers'.
class Customers {
 public:
  Customers(std::uint32_t count, StreamRandom& random);

  std::uint32_t count() const { return static_cast<std::uint32_t>(accounts_.size()); }
  /// An account, busy ones more often: the busiest fiftieth of them does a sixth of everything.
  std::uint32_t draw_account(StreamRandom& random) const { return activity_.draw(random); }
  Account& account(std::uint32_t account) { return accounts_[account]; }
  Card& card(std::uint32_t card) { return cards_[card]; }

  std::uint32_t draw_card(std::uint32_t account, StreamRandom& random) const;
  std::uint32_t draw_device(std::uint32_t account, StreamRandom& random) const;
  std::uint32_t home_ip(std::uint32_t account) const;
  /// One of the few accounts that this one usually pays, or any other one.
  std::uint32_t usual_payee(std::uint32_t account, StreamRandom& random) const;
  std::uint32_t any_payee(std::uint32_t account, StreamRandom& random) const;
  std::uint32_t new_stranger_device() { return next_stranger_device_++; }
  /// An address of 198.18.0.0/15, which nobody has (RFC 2544).
  static std::uint32_t draw_ip(StreamRandom& random);

 private:
  std::uint32_t other_than(std::uint32_t account, std::uint32_t drawn) const;

  std::vector<Account> accounts_;
  std::vector<Card> cards_;
  WeightedChoice activity_;
  std::uint32_t next_stranger_device_;
};
}  // namespace tocsin::api
