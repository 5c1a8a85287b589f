/// The events of a generated stream and their NDJSON form (docs/generate.md).
#pragma once
#include <cstdint>
#include <string>

namespace tocsin::api {
enum class PaymentEventType : std::uint8_t { kPayment, kLogin, kPasswordChange, kTransfer, kOtpOk };
enum class PaymentChannel : std::uint8_t { kPos, kEcom, kAtm };

/// One event; which members count is a matter of its type. Accounts, cards, devices and merchants
/// are numbers here and get a letter when written: `a811`, `c4711`, `d1622`, `m93`.
struct PaymentEvent {
  std::int64_t ts_us = 0;
  std::uint64_t number = 0;  // from 1 in the order of event time; written as the id `e1`
  PaymentEventType type = PaymentEventType::kPayment;
  PaymentChannel channel = PaymentChannel::kPos;
  std::uint8_t country = 0;      // into kCountries (api/generate/payment_world.h)
  std::uint8_t currency_of = 0;  // the country whose currency it is
  bool flag = false;             // login: ok; transfer: new_payee
  std::uint16_t mcc = 0;
  std::uint32_t account = 0;
  std::uint32_t card = 0;
  std::uint32_t device = 0;
  std::uint32_t merchant = 0;
  std::uint32_t other_account = 0;  // transfer: to_account
  std::uint32_t ip = 0;
  std::int64_t amount_cents = 0;
  std::uint32_t plant = 0;  // which planted scenario it belongs to; 0: none
};
/// Appends the event's line, with its line end.
void append_event(const PaymentEvent& event, std::string& out);
/// "e17".
std::string event_id(std::uint64_t number);
}  // namespace tocsin::api
