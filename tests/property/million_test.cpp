// Sums of a million amounts near the ends of 64 bits, against sums in digits.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "rules/context/rules.h"
#include "runtime/event_time/run.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
// A natural number in digits of base 10^9, the lowest first.
struct Natural {
  static constexpr std::uint32_t kBase = 1'000'000'000;
  std::vector<std::uint32_t> digits;

  void add(std::uint64_t n) {
    for (std::size_t i = 0; n > 0; ++i) {
      if (i == digits.size()) digits.push_back(0);
      n += digits[i];
      digits[i] = static_cast<std::uint32_t>(n % kBase);
      n /= kBase;
    }
  }
  std::string text() const {
    std::string out;
    for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
      out += out.empty() ? fmt::format("{}", *digit) : fmt::format("{:09}", *digit);
    }
    return out.empty() ? "0" : out;
  }
};
bool is_less(const Natural& a, const Natural& b) {
  if (a.digits.size() != b.digits.size()) return a.digits.size() < b.digits.size();
  return std::lexicographical_compare(a.digits.rbegin(), a.digits.rend(), b.digits.rbegin(),
                                      b.digits.rend());
}
// a - b, where b is not greater.
Natural difference(Natural a, const Natural& b) {
  std::uint32_t borrow = 0;
  for (std::size_t i = 0; i < a.digits.size(); ++i) {
    const std::uint32_t less = borrow + (i < b.digits.size() ? b.digits[i] : 0);
    borrow = a.digits[i] < less ? 1 : 0;
    a.digits[i] = a.digits[i] + borrow * Natural::kBase - less;
  }
  while (!a.digits.empty() && a.digits.back() == 0) a.digits.pop_back();
  return a;
}

// What came in, and what went out.
struct Balance {
  Natural in, out;
  void add(std::int64_t cents) {
    if (cents >= 0) {
      in.add(static_cast<std::uint64_t>(cents));
    } else {
      out.add(0 - static_cast<std::uint64_t>(cents));
    }
  }
  bool is_negative() const { return is_less(in, out); }
  Natural size() const { return is_negative() ? difference(out, in) : difference(in, out); }
  // As an amount: two digits after the point.
  std::string amount() const {
    std::string digits = size().text();
    while (digits.size() < 3) digits.insert(digits.begin(), '0');
    digits.insert(digits.size() - 2, ".");
    return (is_negative() ? "-" : "") + digits;
  }
};

std::string amount_of(std::int64_t cents) {
  Balance one;
  one.add(cents);
  return one.amount();
}
}  // namespace

TEST_CASE("sums: a million amounts near the ends of 64 bits are exact" *
          doctest::skip(is_quick())) {
  const int events = tests::is_quick() ? 100'000 : 1'000'000;
  Random random(20'240'517);
  std::string json = R"({"type":"opened","ts":0,"card":"c"})"
                     "\n";
  Balance balance;
  std::string half;  // of the balance after half of them, in millions
  for (int i = 1; i <= events; ++i) {
    // In the first half far beyond 64 bits, in the end back within them.
    std::int64_t cents = INT64_MAX - static_cast<std::int64_t>(random.below(1'000'000'000'000));
    const bool back = i > events / 2 ? !balance.is_negative() : random.chance(10);
    if (back) cents = -cents;
    balance.add(cents);
    json +=
        fmt::format(R"({{"type":"payment","ts":{},"card":"c","amount":{}}})", i, amount_of(cents));
    json += '\n';
    if (i != events / 2) continue;
    half = balance.amount();
    half.resize(half.find('.') - 6);
    json += fmt::format(R"({{"type":"half","ts":{},"card":"c"}})"
                        "\n",
                        i);
  }
  json += fmt::format(R"({{"type":"closed","ts":{},"card":"c"}})"
                      "\n",
                      events + 1);
  CHECK(half.size() > 12);  // of 64 bits of cents there are 11 digits

  const std::string rules = fmt::format(R"(
event opened {{ ts: time from 1970, card: string }}
event payment {{ ts: time from 1970, card: string, amount: decimal(2) }}
event half {{ ts: time from 1970, card: string }}
event closed {{ ts: time from 1970, card: string }}
feature total = sum(amount of payment) by card over ever
rule halfway "Beyond 64 bits" {{
  by card
  when half where total / 1_000_000 >= {0} and total / 1_000_000 < {0} + 1 and total > 0
  alert "it is"
}}
rule of_feature "A feature" {{
  by card
  when closed
  alert "{{total}}"
}}
rule of_loop "A loop" {{
  by card
  when opened then 1+ greedy payment as p then closed
  within 1h
  alert "{{sum(p.amount)}} of {{count(p)}}"
}}
)",
                                        half);
  const rules::Loaded loaded = rules::load(
      {"sums.tocsin"}, [&](const std::string&) -> Result<std::string> { return rules; });
  REQUIRE(loaded.rules.has_value());
  cep::Limits limits;
  limits.events_per_key_max = 2 * events;
  limits.bytes_per_key_max = std::uint64_t{1} << 32;
  limits.steps_per_event_max = 10 * events;  // the loop's total leaves what is kept
  const auto program = cep::compile(loaded.rules->plan, limits);
  REQUIRE(program.has_value());
  std::vector<std::string> messages;
  runtime::Sinks sinks;
  sinks.alert = [&](const cep::Alert& alert) -> Result<void> {
    messages.push_back(alert.message);
    CHECK(alert.lost_runs == 0);
    return {};
  };
  const Result<runtime::RunSummary> summary =
      runtime::run(*program, {{"sums.ndjson", json}}, {}, sinks);
  REQUIRE(summary.has_value());
  CHECK(summary->fields_missing == 0);
  CHECK(messages == std::vector<std::string>{"it is", balance.amount(),
                                             fmt::format("{} of {}", balance.amount(), events)});
}
}  // namespace tocsin::tests
