/// What comparisons need of an alert, as numbers: equal where the things are equal. They are
/// XXH3-64 digests, so that ten million alerts have one wrong equality with a probability of about
/// one in 400,000.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cep/data/alert.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"

namespace tocsin::api {
struct AlertFacts {
  std::uint32_t rule = 0;        // RuleIndex
  std::uint64_t key = 0;         // the names and values of its key, whatever their order
  std::uint64_t last_event = 0;  // the identity of the last event listed; without one the time
  cep::EventTime ts;
};
/// XXH3-64.
std::uint64_t digest_of(std::string_view bytes);
/// The digest of two numbers in this order.
std::uint64_t digest_of(std::uint64_t first, std::uint64_t second);
/// Days since the epoch (UTC).
std::int64_t day_of(cep::EventTime time);
/// 0 to 23 (UTC).
int hour_of(cep::EventTime time);

/// Makes facts of the alerts of one plan, which must outlive it. Threading: one caller at a time.
class AlertFactsMaker {
 public:
  explicit AlertFactsMaker(const cep::Plan& plan);
  AlertFacts facts_of(const cep::Alert& alert);

 private:
  const cep::Plan& plan_;
  std::vector<std::vector<std::uint32_t>> key_order_;  // by rule: its parts by name
  std::string bytes_;
};
/// The digest of a key given as names and values, each as JSON; sorts them.
std::uint64_t key_digest(std::vector<std::pair<std::string, std::string>> parts);
}  // namespace tocsin::api
