// Events of types that no rule file declares.
#include "runtime/event_time/unknown_type.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "runtime/event_time/line_reports.h"

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
  const std::string reason = unknown_type_reason(plan, type);
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
      expected.push_back(unknown_type_reason(plan, type_text(token)));
    }
  }
  CHECK(reasons == expected);
  CHECK(summary.dead_letters == expected.size());
}
}  // namespace tocsin::runtime
