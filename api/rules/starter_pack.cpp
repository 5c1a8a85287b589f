#include "api/rules/starter_pack.h"

#include <fmt/format.h>

namespace tocsin::api {
namespace {
constexpr const char* kSchema =
    R"(# What your systems send. One event is one line of JSON; its `type` is the name of an event type.

event payment {
  ts: time up to 30s late,
  id: string id,
  card: string,
  amount: decimal(2) evidence,
  merchant: string,
  country: string?,
}
)";

constexpr const char* kRules =
    R"(# Your first rules. The tests below them say what they are to find, and what not.
use "schema.tocsin"

# Amounts that stolen card numbers are tried with.
kind probe = payment where amount < 2

rule card_testing "Small payments, then a large one" {
  description "Stolen cards are tried with tiny amounts; one that works is used at once"
  severity high
  tags card_testing
  by card
  when 3+ probe as probes then payment as hit where amount > 200
  within 10m
  once per 1h
  alert "Card {card}: {count(probes)} small payments, then {hit.amount} at {hit.merchant}" {
    score: 60 + 5 * count(probes),
    tried: sum(probes.amount),
  }
}

test card_testing "three small payments and a large one" {
  0s   payment { card: "c1", amount: 1.00, merchant: "m1" }
  10s  payment { card: "c1", amount: 1.50, merchant: "m1" }
  20s  payment { card: "c1", amount: 0.99, merchant: "m2" }
  60s  payment { card: "c1", amount: 250.00, merchant: "m3" }
  expect alert at 60s { card: "c1", tried: 3.49, score: 75 }
}

test card_testing "two small payments are not enough" {
  0s   payment { card: "c1", amount: 1.00, merchant: "m1" }
  10s  payment { card: "c1", amount: 1.50, merchant: "m1" }
  60s  payment { card: "c1", amount: 250.00, merchant: "m3" }
  expect no alert
}

feature payments_10m = count(payment) by card over last 10m

rule velocity "Six payments in ten minutes" {
  severity medium
  tags velocity
  by card
  when payment where payments_10m >= 6
  once per 30m
  alert "{payments_10m} payments in ten minutes on {card}"
}

test velocity "the sixth payment within ten minutes" {
  0s     payment { card: "c1", amount: 10.00, merchant: "m1" }
  1m     payment { card: "c1", amount: 10.00, merchant: "m1" }
  2m     payment { card: "c1", amount: 10.00, merchant: "m1" }
  3m     payment { card: "c1", amount: 10.00, merchant: "m1" }
  4m     payment { card: "c1", amount: 10.00, merchant: "m1" }
  9m59s  payment { card: "c1", amount: 10.00, merchant: "m1" }
  expect alert at 9m59s
}

test velocity "the first of six is ten minutes old" {
  0s   payment { card: "c1", amount: 10.00, merchant: "m1" }
  1m   payment { card: "c1", amount: 10.00, merchant: "m1" }
  2m   payment { card: "c1", amount: 10.00, merchant: "m1" }
  3m   payment { card: "c1", amount: 10.00, merchant: "m1" }
  4m   payment { card: "c1", amount: 10.00, merchant: "m1" }
  10m  payment { card: "c1", amount: 10.00, merchant: "m1" }
  expect no alert
}
)";

constexpr const char* kEvents =
    R"({"type":"payment","ts":"2026-03-02T12:00:00Z","id":"p1","card":"c1","amount":1.00,"merchant":"m1","country":"SE"}
{"type":"payment","ts":"2026-03-02T12:00:05Z","id":"p2","card":"c2","amount":34.90,"merchant":"m4","country":"SE"}
{"type":"payment","ts":"2026-03-02T12:00:20Z","id":"p3","card":"c1","amount":1.50,"merchant":"m1","country":"SE"}
{"type":"payment","ts":"2026-03-02T12:00:40Z","id":"p4","card":"c1","amount":0.99,"merchant":"m2","country":"SE"}
{"type":"payment","ts":"2026-03-02T12:02:00Z","id":"p5","card":"c1","amount":250.00,"merchant":"m3","country":"BR"}
)";

constexpr const char* kReadme = R"(# {}

Rules for Tocsin. `schema.tocsin` says what events look like, `rules.tocsin` has the rules and their tests.

    tocsin check .                                    # what is wrong with the rules
    tocsin test .                                     # run the tests in the files
    tocsin run rules.tocsin --input events.ndjson     # alerts from sample events
    tocsin fmt .                                      # lay out the files

Put your own event types into the schema, then write a rule and two tests: one that fires, one that nearly does.
)";
}  // namespace

std::vector<StarterFile> starter_pack(const std::string& name) {
  return {{"README.md", fmt::format(fmt::runtime(kReadme), name)},
          {"schema.tocsin", kSchema},
          {"rules.tocsin", kRules},
          {"events.ndjson", kEvents}};
}
}  // namespace tocsin::api
