#include "api/generate/payment_event.h"

#include <charconv>
#include <cstring>
#include <string_view>

#include "api/generate/countries.h"

namespace tocsin::api {
namespace {
// Every line fits: the fields are numbers of at most 20 digits and a few words.
constexpr std::size_t kLineBytesMax = 512;

// Appends to a fixed buffer without asking for room each time.
class LineWriter {
 public:
  explicit LineWriter(char* at) : at_(at) {}
  char* at() const { return at_; }
  LineWriter& text(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  template <typename Number>
  LineWriter& number(Number number) {
    at_ = std::to_chars(at_, at_ + 24, number).ptr;
    return *this;
  }
  LineWriter& amount(std::int64_t cents) {
    number(cents / 100);
    *at_++ = '.';
    *at_++ = static_cast<char>('0' + cents % 100 / 10);
    *at_++ = static_cast<char>('0' + cents % 10);
    return *this;
  }
  LineWriter& ip(std::uint32_t address) {
    number(address >> 24).text(".").number(address >> 16 & 0xff).text(".");
    return number(address >> 8 & 0xff).text(".").number(address & 0xff);
  }

 private:
  char* at_;
};

constexpr std::string_view kTypeNames[] = {"payment", "login", "password_change", "transfer",
                                           "otp_ok"};
constexpr std::string_view kChannelNames[] = {"pos", "ecom", "atm"};
}  // namespace

void append_event(const PaymentEvent& event, std::string& out) {
  char line[kLineBytesMax];
  LineWriter to(line);
  to.text("{\"type\":\"").text(kTypeNames[static_cast<std::size_t>(event.type)]);
  to.text("\",\"id\":\"e").number(event.number).text("\",\"ts\":").number(event.ts_us);
  const std::string_view country = kCountries[event.country].code;
  switch (event.type) {
    case PaymentEventType::kPayment:
      to.text(",\"card\":\"c").number(event.card).text("\",\"account\":\"a").number(event.account);
      if (event.channel == PaymentChannel::kEcom) to.text("\",\"device\":\"d").number(event.device);
      to.text("\",\"merchant\":\"m").number(event.merchant).text("\",\"mcc\":").number(event.mcc);
      to.text(",\"amount\":").amount(event.amount_cents);
      to.text(",\"currency\":\"").text(kCountries[event.currency_of].currency);
      to.text("\",\"country\":\"").text(country);
      to.text("\",\"channel\":\"").text(kChannelNames[static_cast<std::size_t>(event.channel)]);
      to.text("\"}\n");
      break;
    case PaymentEventType::kLogin:
      to.text(",\"account\":\"a")
          .number(event.account)
          .text("\",\"device\":\"d")
          .number(event.device);
      to.text("\",\"ip\":\"").ip(event.ip).text("\",\"country\":\"").text(country);
      to.text(event.flag ? "\",\"ok\":true}\n" : "\",\"ok\":false}\n");
      break;
    case PaymentEventType::kTransfer:
      to.text(",\"account\":\"a").number(event.account);
      to.text("\",\"to_account\":\"a").number(event.other_account);
      to.text("\",\"amount\":").amount(event.amount_cents);
      to.text(event.flag ? ",\"new_payee\":true}\n" : ",\"new_payee\":false}\n");
      break;
    case PaymentEventType::kPasswordChange:
    case PaymentEventType::kOtpOk:
      to.text(",\"account\":\"a").number(event.account).text("\"}\n");
      break;
  }
  out.append(line, to.at());
}

std::string event_id(std::uint64_t number) { return "e" + std::to_string(number); }
}  // namespace tocsin::api
