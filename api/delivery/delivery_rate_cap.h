/// The rate cap of one endpoint: how many deliveries it is owed in a minute, or another window
/// of time, by rule and in all. Decides only; what is suppressed is counted in messages
/// (api/delivery/delivery_message.h).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "cep/base/result.h"
#include "cep/value/time.h"

namespace tocsin::api {
/// Deliveries in a window of time; 0: no limit.
struct RateCapLimits {
  std::uint64_t per_rule = 120;
  std::uint64_t in_all = 600;
  cep::Duration window{60'000'000};
};

/// Threading: one thread at a time.
class DeliveryRateCap {
 public:
  enum class Decision : std::uint8_t {
    kPass,       // it may go
    kRuleLimit,  // the rule has had its share of the window
    kLimit,      // all have
  };
  /// Decides about a delivery at a processing time, and counts it where it may go. Windows begin
  /// at multiples of their length. A clock that was set back by more than one begins a new one.
  Decision take(std::string_view rule, cep::EventTime now, const RateCapLimits& limits);
  /// The window of the last decision.
  cep::EventTime begin() const { return begin_; }
  cep::EventTime end() const { return end_; }
  /// The message that stands for what was suppressed in that window: of a rule, or (empty) of all.
  /// 0: none.
  std::uint64_t message(std::string_view rule) const;
  void set_message(std::string_view rule, std::uint64_t number);

  /// JSON, and back. Errors: kCorrupt.
  std::string encode() const;
  static Result<DeliveryRateCap> decode(std::string_view text);

 private:
  struct Count {
    std::uint64_t passed = 0;
    std::uint64_t message = 0;
  };
  cep::EventTime begin_ = cep::kEventTimeMin;
  cep::EventTime end_ = cep::kEventTimeMin;
  Count all_;
  std::map<std::string, Count, std::less<>> rules_;  // those that have passed
};
}  // namespace tocsin::api
