// Events of types that no rule file declares.
#include "runtime/event_time/unknown_type.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "runtime/event_time/line_reports.h"
#include "tests/support/random.h"

namespace tocsin::runtime {
namespace {
cep::Plan plan_of(const std::vector<std::string>& types) {
  cep::Plan plan;
  for (const std::string& type : types) {
    cep::EventType made;
    made.name = type;
    made.json_type = type;
    plan.event_types.push_back(made);
  }
  return plan;
}

// What is asked; empty where nothing is.
std::string near(const cep::Plan& plan, const std::string& type) {
  const std::string reason = UnknownTypeReasons(plan).of(type);
  CHECK(reason.starts_with("no rule file declares the event type `" + type + "`"));
  CHECK(
      reason.ends_with(": declare it, or let events of other types pass by: unknown-types ignore"));
  const std::size_t begin = reason.find(" (did you mean `");
  if (begin == std::string::npos) return "";
  return reason.substr(begin + 16, reason.find("`?)") - begin - 16);
}
}  // namespace

TEST_CASE("unknown type: the declared one that is spelled nearly so is named") {
  const cep::Plan plan = plan_of({"payment", "login", "refund", "3ds", "payout"});
  CHECK(near(plan, "paymnet") == "payment");   // swapped
  CHECK(near(plan, "paymet") == "payment");    // left out
  CHECK(near(plan, "payments") == "payment");  // one more
  CHECK(near(plan, "Payment") == "payment");
  CHECK(near(plan, "PAYMENT") == "payment");
  CHECK(near(plan, "logon") == "login");
  CHECK(near(plan, "lgoin") == "login");
  CHECK(near(plan, "3DS") == "3ds");
  CHECK(near(plan, "payot") == "payout");
  CHECK(near(plan, "heartbeat").empty());
  CHECK(near(plan, "pay").empty());
  CHECK(near(plan, "x").empty());
  CHECK(near(plan, "").empty());
  CHECK(near(plan, std::string(100'000, 'p')).empty());
  CHECK(near(plan_of({}), "payment").empty());
}

// All edits, by the whole table (optimal string alignment).
std::size_t plain_edits(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> least(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        least[i][j] = i + j;
        continue;
      }
      const std::size_t replaced = std::tolower(a[i - 1]) == std::tolower(b[j - 1]) ? 0 : 1;
      least[i][j] =
          std::min({least[i - 1][j] + 1, least[i][j - 1] + 1, least[i - 1][j - 1] + replaced});
      const bool swaps = i > 1 && j > 1 && std::tolower(a[i - 1]) == std::tolower(b[j - 2]) &&
                         std::tolower(a[i - 2]) == std::tolower(b[j - 1]);
      if (swaps) least[i][j] = std::min(least[i][j], least[i - 2][j - 2] + 1);
    }
  }
  return least[a.size()][b.size()];
}

TEST_CASE("unknown type: of random types the one that a plain table of edits finds is named") {
  std::size_t named = 0;
  tests::for_all_seeds("unknown_type", 300, [&](tests::Random& random) {
    const auto letter = [&] { return "abcdA_1"[random.below(7)]; };
    std::vector<std::string> types(1 + random.below(8));
    for (std::string& type : types) {
      for (std::size_t i = 1 + random.below(10); i > 0; --i) type += letter();
    }
    const cep::Plan plan = plan_of(types);
    for (int i = 0; i < 30; ++i) {
      std::string type = types[random.below(types.size())];
      for (std::size_t edits = random.below(5); edits > 0; --edits) {
        const std::size_t at = random.below(type.size() + 1);
        switch (random.below(4)) {
          case 0:
            type.insert(at, 1, letter());
            break;
          case 1:
            type.erase(at, 1);
            break;
          case 2:
            if (at < type.size()) type[at] = letter();
            break;
          default:
            if (at + 1 < type.size()) std::swap(type[at], type[at + 1]);
        }
      }
      const std::size_t limit = std::min<std::size_t>(type.size() <= 4 ? 1 : 2, type.size() / 2);
      std::string expected;
      std::size_t best = limit + 1;
      for (const std::string& declared : types) {
        const std::size_t edits = plain_edits(type, declared);
        if (edits >= best) continue;
        best = edits;
        expected = declared;
      }
      REQUIRE(near(plan, type) == expected);
      named += expected.empty() ? 0 : 1;
    }
  });
  CHECK(named > 0);
}

TEST_CASE(
    "unknown type: the name in the rules is not that in the input; alerts never come from "
    "outside") {
  cep::Plan plan = plan_of({"card_present", "alert_of_rule"});
  plan.event_types[0].json_type = "CP";
  plan.event_types[1].json_type.clear();
  CHECK(near(plan, "card_present") == "CP");
  CHECK(near(plan, "cp") == "CP");
  CHECK(near(plan, "alert_of_rul").empty());
}

TEST_CASE("unknown type: each line has the reason of its type, however many types there are") {
  const cep::Plan plan = plan_of({"payment", "login"});
  std::vector<std::string> reasons;
  RunSummary summary;
  LineReports reports(plan, UnknownTypes::kDead,
                      {{}, [&](const DeadLetter& letter) { reasons.push_back(letter.reason); }},
                      summary);
  std::vector<std::string> expected;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 40; ++i) {
      const std::string type =
          i % 8 == 0 ? std::string(i * 100, 'p') : "payment" + std::to_string(i);
      const std::string token = '"' + type + '"';
      const Line line{token};
      reports.no_event({"in", line, {}}, LineKind::kIgnored, {{.offender = token}});
      expected.push_back(UnknownTypeReasons(plan).of(type_text(token)));
    }
  }
  CHECK(reasons == expected);
  CHECK(summary.dead_letters == expected.size());
}
}  // namespace tocsin::runtime
