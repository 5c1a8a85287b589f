// Which of a rule's three digests, and of a feature's, each kind of change to the rules changes.
#include "cep/compile/plan_digest.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "cep/compile/program.h"
#include "cep/engine/engine.h"
#include "cep/plan/feature.h"
#include "cep/plan/rule.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
const char* const kSchema = R"(event payment {
  ts: time up to 30s late,
  id: string id,
  card: string,
  merchant: string,
  amount: decimal(2),
  large: bool = amount > 1000,
  country: string?,
  note: string?,
}
event login { ts: time, card: string, ok: bool }
)";
const char* const kRules = R"(
const PROBE = 2.00
list risky : string = ["AQ", "BV"]
list far : string = ["AQ", "BV"]
list scams : text = ["gift card", "anydesk"]
table merchants key merchant { mcc: int, label: string } = { "m1": { mcc: 1, label: "one" }, "m2": { mcc: 2, label: "two" } }
kind probe = payment where amount < PROBE
feature payments_10m = count(payment) by card over last 10m
feature spent_today = sum(amount of payment where country in risky) by card over today in "Europe/Berlin"
feature failed = count(login where not ok) by card over last 1h

rule testing "Probes, then a hit" {
  description "Small ones first"
  tags cards
  by card
  when 3+ probe as probes then payment as hit where amount > 200 and payments_10m > 3
  within 10m
  having sum(probes.amount) < 5
  except "known" where country = "SE"
  once per 1h
  alert "{count(probes)} probes at {merchant}" { score: 50 }
}
rule risky_place "A large payment, then one far away" {
  by card
  when payment as first where large then payment as second where country in risky and merchants[merchant].mcc = 1
  alert "{first.amount} {second.amount}" { words: matched(second.note, scams) }
}
rule silence "A login, then no payment" {
  by card
  when login as entry then no payment for 5m
  alert "{failed}"
}
)";

struct Digests {
  std::map<std::string, cep::RuleDigests> rules;
  std::map<std::string, cep::Digest> features;
  cep::Digest plan{};
};

Digests digests_of(const std::string& schema, const std::string& rules) {
  const rules::Loaded loaded = load_files({{"schema.tocsin", schema}, {"rules.tocsin", rules}},
                                          {"schema.tocsin", "rules.tocsin"});
  REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
  const Result<cep::Program> program = cep::compile(loaded.rules->plan);
  REQUIRE(program.has_value());
  const cep::Plan& plan = program->plan();
  const cep::PlanDigests all = cep::digests(program->impl());
  Digests out;
  REQUIRE(all.rules.size() == plan.rules.size());
  REQUIRE(all.features.size() == plan.features.size());
  for (std::size_t i = 0; i < plan.rules.size(); ++i) {
    out.rules[plan.rules[i].id] = all.rules[i];
  }
  for (std::size_t i = 0; i < plan.features.size(); ++i) {
    out.features[plan.features[i].name] = all.features[i];
  }
  out.plan = cep::digest_of(plan);
  return out;
}

std::string replaced(const std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE_MESSAGE(at != std::string::npos, from);
  REQUIRE_MESSAGE(text.find(from, at + 1) == std::string::npos, from);
  return text.substr(0, at) + to + text.substr(at + from.size());
}

// "testing: state suppression; risky_place: presentation; feature failed; plan": what
// differs, rules before features, each by name. What only one of both has is left out.
std::string difference(const Digests& a, const Digests& b) {
  std::vector<std::string> parts;
  for (const auto& [id, digests] : a.rules) {
    const auto other = b.rules.find(id);
    if (other == b.rules.end()) continue;
    std::string what;
    if (digests.state != other->second.state) what += " state";
    if (digests.suppression != other->second.suppression) what += " suppression";
    if (digests.presentation != other->second.presentation) what += " presentation";
    if (!what.empty()) parts.push_back(id + ":" + what);
  }
  for (const auto& [name, digest] : a.features) {
    const auto other = b.features.find(name);
    if (other != b.features.end() && digest != other->second) parts.push_back("feature " + name);
  }
  if (a.plan != b.plan) parts.push_back("plan");
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : "; ") + part;
  return out;
}

TEST_CASE("plan digests: each change of a rule changes what depends on it, and nothing else") {
  struct Row {
    std::string what;
    std::string from;
    std::string to;
    std::string expected;
  };
  const Row rows[] = {
      // what is only shown
      {"title", "\"Probes, then a hit\"", "\"Probes\"", "testing: presentation; plan"},
      {"description", "Small ones first", "Small", "testing: presentation; plan"},
      {"tags", "tags cards", "tags cards, ecom", "testing: presentation; plan"},
      {"severity", "tags cards", "severity high", "testing: presentation; plan"},
      {"status", "tags cards", "tags cards status shadow", "testing: presentation; plan"},
      {"message", "} probes at", "} small ones at", "testing: presentation; plan"},
      {"score", "score: 50", "score: 60", "testing: presentation; plan"},
      {"a field that nothing else shows", "{ score: 50 }", "{ score: 50, note: hit.note }",
       "testing: presentation; plan"},
      {"a variable's name", "login as entry", "login as first_login",
       "silence: presentation; plan"},
      {"an exception's condition", "country = \"SE\"", "country = \"NO\"",
       "testing: presentation; plan"},
      {"an exception's reason", "except \"known\"", "except \"ours\"",
       "testing: presentation; plan"},
      // what is suppressed
      {"once", "once per 1h", "once per 2h", "testing: suppression; plan"},
      {"at most", "once per 1h", "once per 1h at most 3 per 1d", "testing: suppression; plan"},
      // what partial matches are
      {"a condition", "amount > 200", "amount > 300", "testing: state; plan"},
      {"a count", "3+ probe", "4+ probe", "testing: state; plan"},
      {"contiguity", "then payment as hit", "then next payment as hit", "testing: state; plan"},
      {"within", "within 10m\n  having", "within 11m\n  having", "testing: state; plan"},
      {"having", "< 5\n", "< 6\n", "testing: state; plan"},
      {"selection", "once per 1h", "once per 1h after match skip past last",
       "testing: state; plan"},
      {"an absence's length", "for 5m", "for 6m", "silence: state; plan"},
      {"a constant", "PROBE = 2.00", "PROBE = 3.00", "testing: state; plan"},
      {"a feature that a condition reads", "over last 10m", "over last 20m",
       "testing: state; feature payments_10m; plan"},
      {"a feature that is shown at a deadline", "over last 1h", "over last 2h",
       "silence: presentation; feature failed; plan"},
      {"the rule's key", "by card\n  when 3+", "by merchant\n  when 3+",
       "testing: state suppression presentation; plan"},
      {"another list", "payment as second where country in risky",
       "payment as second where country in far", "risky_place: state; plan"},
      // what does not matter
      {"what a list holds", "risky : string = [\"AQ\", \"BV\"]",
       "risky : string = [\"AQ\", \"GS\"]", "plan"},
      {"what a list holds that only an alert reads", "\"anydesk\"", "\"teamviewer\"", "plan"},
      {"what a table holds", "mcc: 2", "mcc: 3", "plan"},
      {"a list's order", "risky : string = [\"AQ\", \"BV\"]", "risky : string = [\"BV\", \"AQ\"]",
       "plan"},
      {"a table's other column", "label: \"two\"", "label: \"deux\"", "plan"},
      {"a comment", "tags cards", "tags cards # ours", ""},
      {"a rule beside it", "rule silence", R"(rule beside "Beside" {
  by card
  when payment as a where note = "x" then payment as b where merchant != a.merchant
  alert "{b.note}"
}
rule silence)",
       "plan"},
      {"the order of words in a list of matches", "[\"gift card\", \"anydesk\"]",
       "[\"anydesk\", \"gift card\"]", "plan"},
  };
  const Digests base = digests_of(kSchema, kRules);
  CHECK(difference(base, digests_of(kSchema, kRules)).empty());
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(difference(base, digests_of(kSchema, replaced(kRules, row.from, row.to))) ==
          row.expected);
  }
}

TEST_CASE("plan digests: each change of the schema changes what depends on it") {
  struct Row {
    std::string what;
    std::string from;
    std::string to;
    std::string expected;
  };
  const std::string all_of_amount =
      "risky_place: state presentation; testing: state presentation; feature spent_today; plan";
  const Row rows[] = {
      {"a field more", "  note: string?,", "  note: string?,\n  extra: int?,", "plan"},
      {"a field less far up", "  country: string?,\n  note: string?,",
       "  note: string?,\n  country: string?,", "plan"},
      {"a bound", "up to 30s late", "up to 60s late", "plan"},
      {"a field's type", "amount: decimal(2)", "amount: decimal(3)", all_of_amount},
      {"a computed field", "amount > 1000", "amount > 2000", "risky_place: state; plan"},
      {"the identity", "id: string id", "id: string", "risky_place: state; testing: state; plan"},
      {"the order of event types", "event login { ts: time, card: string, ok: bool }\n", "",
       "plan"},
  };
  const Digests base = digests_of(kSchema, kRules);
  for (const Row& row : rows) {
    CAPTURE(row.what);
    std::string schema = replaced(kSchema, row.from, row.to);
    if (row.to.empty()) schema = row.from + schema;
    CHECK(difference(base, digests_of(schema, kRules)) == row.expected);
  }
}

TEST_CASE("plan digests: names of what a rule reads, and the order of declarations, are in none") {
  const Digests base = digests_of(kSchema, kRules);
  std::string renamed = kRules;
  for (const auto& [from, to] :
       std::map<std::string, std::string>{{"payments_10m", "recently"}, {"PROBE", "SMALL"}}) {
    for (std::size_t at = 0; (at = renamed.find(from, at)) != std::string::npos; at += to.size()) {
      renamed.replace(at, from.size(), to);
    }
  }
  CHECK(difference(base, digests_of(kSchema, renamed)) == "plan");

  // The last declaration first, again and again.
  std::string text = kRules;
  const std::size_t count = 11;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t at = std::string::npos;
    for (const char* word :
         {"\nrule ", "\nfeature ", "\nkind ", "\ntable ", "\nlist ", "\nconst "}) {
      const std::size_t found = text.rfind(word);
      if (found != std::string::npos && (at == std::string::npos || found > at)) at = found;
    }
    text = text.substr(at) + text.substr(0, at);
    CAPTURE(text);
    Digests moved = digests_of(kSchema, text);
    if (i + 1 < count) moved.plan = base.plan;  // which shows the order
    CHECK(difference(base, moved) == "");
  }
}

TEST_CASE("plan digests: rules that mean the same are told apart by what is shown") {
  const std::string copy = replaced(replaced(kRules, "rule silence", "rule silence_too"),
                                    "A login, then no payment", "Again");
  Digests base = digests_of(kSchema, kRules);
  Digests other = digests_of(kSchema, copy);
  CHECK(base.rules.at("silence").state == other.rules.at("silence_too").state);
  CHECK(base.rules.at("silence").suppression != other.rules.at("silence_too").suppression);
  CHECK(base.rules.at("silence").presentation != other.rules.at("silence_too").presentation);
  CHECK(base.rules.at("silence").state != base.rules.at("testing").state);
}
}  // namespace
}  // namespace tocsin::tests
