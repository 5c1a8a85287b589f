// Expressions of a plan, said as an author writes them.
#include "rules/explain/expression_text.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "rules/context/rules.h"

namespace tocsin::tests {
namespace {
constexpr const char* kSchema = R"(
event payment {
  ts: time, id: string id, card: string, device: string?, amount: decimal(2), rate: float?, mcc: int?,
  memo: string?, channel: enum(pos, ecom), fresh: bool?, zone: string?,
}
event login { ts: time, id: string id, card: string, ok: bool, ip: string? }
list cards : string = ["c1", "c2"]
list phrases : text = ["gift card"]
list wallets : regex = [/bc1[a-z]+/, /usdt/i]
table shops key device { risk: float, names: list of string } = { "d1": { risk: 0.5, names: ["a"] } }
feature recent = count(payment where amount > 5) by card over last 10m
feature by_device = sum(amount of payment) by device over previous 1d every 1h needs 3 events
)";

// The condition of the last step of a rule that says it so.
std::string said(const std::string& condition, bool after_loop) {
  const std::string pattern = after_loop
                                  ? "3+ payment as probes then login as entry then payment as hit "
                                  : "payment as hit ";
  const std::string text =
      fmt::format("{}\nrule r \"r\" {{ by card when {} where {} {} alert \"a\" }}\n", kSchema,
                  pattern, condition, after_loop ? "within 1h" : "");
  const rules::Loaded loaded =
      rules::load({"a.tocsin"}, [&](const std::string&) -> Result<std::string> { return text; });
  if (!loaded.rules) {
    std::string errors;
    for (const rules::Diagnostic& diagnostic : loaded.diagnostics) {
      errors += rules::render(loaded.sources, diagnostic);
    }
    FAIL(errors);
  }
  const cep::Plan& plan = *loaded.rules->plan;
  return rules::expression_text(plan, &plan.rules[0], *plan.rules[0].pattern.back().where());
}
}  // namespace

TEST_CASE("expression text: what an author wrote is said as it was written") {
  constexpr const char* kConditions[] = {
      "amount > 200.00",
      "not fresh",
      "amount > 1.00 and (mcc = 3 or mcc is missing) and not (fresh or channel = ecom)",
      "amount between 1.00 and 2.00 or mcc in [1, 2, 3]",
      "card in cards and not card in cards",
      "amount - (2.00 - 1.00) > 2.00 * (amount + 1.00) / 3.00 - -amount % 7.00",
      "(if fresh then amount else 0.00) > coalesce(amount, 0.00)",
      R"(memo matches /a\/b[0-9]+/i or memo contains "x \"y\"" or memo starts with "z")",
      R"(memo contains word "x" and memo ends with "y" and memo contains any word of phrases)",
      "memo matches any of wallets and matched(memo, phrases) is known",
      "recent >= 3 and by_device(card) > 100.00",
      "shops[device].risk > 0.5 and memo in shops[device].names",
      "hour(ts, zone) >= 22 and weekday(ts, \"UTC\") <= 5",
      "round(amount, 1) = 1.0 and length(lower(memo)) > 3",
      "ts > 2026-03-02T12:00:00Z and date(ts, \"UTC\") < 2026-03-02",
      "count(login where ok) over last 10m >= 6",
      "count(login where ok) over all last 10m >= 6",
      "sum(amount of payment) over previous 14d every 1h needs 2 events > 10.00",
  };
  for (const char* condition : kConditions) CHECK(said(condition, false) == condition);
}

TEST_CASE("expression text: what was taken before is read by the steps' names") {
  constexpr const char* kConditions[] = {
      "amount > probes.first.amount and amount > probes.last.amount",
      "count(probes) >= 4 and sum(probes.amount) > 3.00",
      "distinct(probes.channel) > 1 and count(probes where fresh) = 0",
      "device in probes.device",
      "ts - entry.ts < 10m and entry.ip is known",
  };
  for (const char* condition : kConditions) CHECK(said(condition, true) == condition);
  CHECK(said("since(entry) < 10m and device not in probes.device", true) ==
        "ts - entry.ts < 10m and not device in probes.device");
}
}  // namespace tocsin::tests
