// Whatever a rule file says, checking it ends soon: with errors, or with a plan that is whole. The
// checker itself asserts that nothing was left out of a plan silently, and that the plan validates.
#include <doctest/doctest.h>

#include <cctype>
#include <string>
#include <vector>

#include "cep/plan/feature.h"  // IWYU pragma: keep: plans are deleted here
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/rules/sample_text.h"
#include "tests/support/random.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
const char* const kGoodRules = R"(
rule one "One" {
  severity if hit.amount > 500 then critical else high
  by card
  when 3+ probe as probes where amount > prev.amount and probes.first.merchant = merchant
    then first payment as hit where amount > sum(probes.amount) and merchant in probes.merchant
    then no login where ok and tries > count(probes) then next payment or login as last_one where card is known
  within 10m
  having count(probes where declined) < 3 and payments_10m > 2
  after match skip past last
  once per 1h
  alert "{card}: {hit.amount / 3} {coalesce(hit.country, "none")} {last_one.card}" { score: 5 * count(probes), a: hit.ts }
}
rule two "Two" {
  by account = payment.account | transfer.from_account
  when transfer as t where amount > -LOWEST and at > 2026-01-01T00:00:00Z
    then no payment where channel not in [pos, atm] and (country in HOME or risk between 0 and 0.5) for 5m
  alert "{account} {t.amount * 2 + 1}"
}
rule three "Three" { by card when 2..3 next payment as p where p.ts - prev.ts < 1m and channel != RISKY
  and sum(amount of payment where not declined) over last 1h > 100 within 5m alert "{if spent > 5 then usual else 0}" }
test one "t" { starting 2026-03-02T12:00:00Z 0s payment { amount: 1.00, channel: pos } 5s login { account: "a" }
  until 1h expect alert 2 times at 5s { card: "c1", score: 15, severity: high } }
)";

// Words, numbers, strings and marks, with the blanks before each.
std::vector<std::string> pieces_of(const std::string& text) {
  std::vector<std::string> pieces;
  std::size_t i = 0;
  while (i < text.size()) {
    std::size_t end = i;
    while (end < text.size() && std::isspace(static_cast<unsigned char>(text[end])) != 0) ++end;
    const auto is_word = [&](std::size_t at) {
      return at < text.size() &&
             (std::isalnum(static_cast<unsigned char>(text[at])) != 0 || text[at] == '_');
    };
    if (is_word(end)) {
      while (is_word(end)) ++end;
    } else if (end < text.size()) {
      ++end;
    }
    pieces.push_back(text.substr(i, end - i));
    i = end;
  }
  return pieces;
}

std::string mutated(Random& random, const std::vector<std::string>& pieces) {
  std::vector<std::string> changed = pieces;
  const std::size_t edits = 1 + random.below(6);
  for (std::size_t i = 0; i < edits; ++i) {
    const std::size_t at = random.below(changed.size());
    switch (random.below(4)) {
      case 0:
        changed[at].clear();
        break;
      case 1:
        changed[at] = " " + random.pick(pieces);
        break;
      case 2:
        std::swap(changed[at], changed[random.below(changed.size())]);
        break;
      default:
        changed[at] += " " + random.pick(pieces);
    }
  }
  std::string text;
  for (const std::string& piece : changed) text += piece;
  return text;
}

void check_one(const std::string& text) {
  const rules::Loaded loaded = load_files({{"rules.tocsin", text}}, {"rules.tocsin"});
  bool has_errors = false;
  for (const rules::Diagnostic& diagnostic : loaded.diagnostics) {
    has_errors = has_errors || rules::level_of(diagnostic.code) == rules::Level::kError;
  }
  CAPTURE(text);
  CHECK(loaded.rules.has_value() != has_errors);
  CHECK_FALSE(rendered(loaded).empty() != loaded.diagnostics.empty());
}

TEST_CASE("check: rules with words changed, lost and swapped give errors or a whole plan") {
  const std::vector<std::string> pieces = pieces_of(std::string(kRuleSchema) + kGoodRules);
  for_all_seeds("RULES", 1500, [&](Random& random) { check_one(mutated(random, pieces)); });
}

TEST_CASE("check: the same for a file of the whole language, much of which this version refuses") {
  const std::vector<std::string> pieces = pieces_of(std::string(kSampleText));
  for_all_seeds("RULES", 500, [&](Random& random) { check_one(mutated(random, pieces)); });
}

TEST_CASE("check: ten thousand rules are checked and lowered in linear time" *
          doctest::skip(is_quick())) {
  const auto text_of = [](std::size_t count) {
    std::string text = kRuleSchema;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string n = std::to_string(i);
      text += "rule r" + n + " \"r\" { by card when 3+ probe as a where merchant != \"" + n +
              "\" then payment as b where amount > " + n +
              " and merchant != a.first.merchant and count(payment where amount > " + n +
              ") over last 1h > 3 within 10m alert \"{card} {count(a)}\" { n: sum(a.amount) } }\n";
    }
    return text;
  };
  const std::size_t count = is_quick() ? 2'000 : 10'000;
  const rules::Loaded loaded = load_files({{"rules.tocsin", text_of(count)}}, {"rules.tocsin"});
  REQUIRE(loaded.rules);
  CHECK(loaded.rules->plan->rules.size() == count);
  CHECK(loaded.rules->plan->features.size() == 4 + count);
}

TEST_CASE("check: ten thousand mistakes are told in linear time" * doctest::skip(is_quick())) {
  std::string text = kRuleSchema;
  for (int i = 0; i < 10'000; ++i) {
    const std::string n = std::to_string(i);
    text += "kind k" + n + " = payment where amout_" + n + " > 1\nlist l" + n + " : int = [1]\n";
  }
  const rules::Loaded loaded = load_files({{"rules.tocsin", text}}, {"rules.tocsin"});
  CHECK(loaded.diagnostics.size() == 1001);  // and that there are more
}
}  // namespace
}  // namespace tocsin::tests
