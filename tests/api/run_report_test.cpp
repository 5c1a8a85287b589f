#include "api/node/run_report.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

#include <doctest/doctest.h>

namespace tocsin::api {
namespace {
cep::Plan plan_of(std::initializer_list<const char*> rules) {
  cep::Plan plan;
  for (const char* name : rules) {
    cep::Rule rule;
    rule.name = rule.id = name;
    rule.title = std::string("About ") + name;
    plan.rules.push_back(rule);
  }
  return plan;
}

RunReport quiet_report(const cep::Plan& plan) {
  RunReport report;
  report.plan = &plan;
  report.inputs = {"in.ndjson"};
  report.alerts_path = "-";
  report.summary.events = 1200;
  report.summary.bytes = 340'000;
  report.summary.seconds = 0.5;
  report.summary.first_event = cep::EventTime{0};
  report.summary.last_event = cep::EventTime{60'000'000};
  report.summary.alerts_by_rule.assign(plan.rules.size(), 0);
  return report;
}

TEST_CASE("run report: an uneventful run takes three lines") {
  const cep::Plan plan = plan_of({"velocity"});
  CHECK(format_report(quiet_report(plan)) ==
        "read in.ndjson: 1,200 events (340.0 KB) in 0.50 s, 2,400 events/s\n"
        "  event time from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z\n"
        "alerts: 0\n"
        "  none by velocity\n");
}

TEST_CASE("run report: rules come by their number of alerts, then in their own order") {
  const cep::Plan plan = plan_of({"a", "bb", "c", "d"});
  RunReport report = quiet_report(plan);
  report.alerts_path = "alerts.ndjson";
  report.summary.alerts = 1002;
  report.summary.alerts_by_rule = {1, 1000, 0, 1};
  const std::string text = format_report(report);
  CHECK(
      text.ends_with("alerts: 1,002, in alerts.ndjson\n"
                     "  1,000  bb  About bb\n"
                     "      1  a   About a\n"
                     "      1  d   About d\n"
                     "  none by c\n"));
}

TEST_CASE("run report: repeats, and alerts that nobody is sent") {
  cep::Plan plan = plan_of({"a", "bb"});
  plan.rules[1].status = cep::Status::kShadow;
  RunReport report = quiet_report(plan);
  report.summary.alerts = 1;
  report.summary.undelivered = 2;
  report.summary.alerts_by_rule = {1, 2};
  report.summary.repeats = 3;
  report.summary.ids_forgotten = 1;
  const std::string text = format_report(report);
  CHECK(text.find("repeats: 3 events dropped, with the id of an earlier event (`unique`)\n"
                  "  limits: 1 id forgotten, the oldest of `unique` event types: say `unique "
                  "within`\n") != std::string::npos);
  CHECK(
      text.ends_with("alerts: 1\n"
                     "  2  bb  About bb (shadow)\n"
                     "  1  a   About a\n"
                     "  not delivered: 2 alerts, of internal and shadow rules\n"));
}

TEST_CASE("run report: what was not taken is told with reasons, places and what to do") {
  const cep::Plan plan = plan_of({"a"});
  RunReport report = quiet_report(plan);
  report.summary.dead_letters = 3;
  report.rejected.add({"in.ndjson", 7, "`ts` is out of range: 9e99", ""});
  report.rejected.add({"in.ndjson", 8, "not a JSON object", ""});
  report.rejected.add({"-", 9, "`ts` is out of range: 8e99", ""});
  report.summary.late = 1;
  report.late.add({"in.ndjson", 20, cep::EventTime{0}, cep::Duration{2'500'000}, ""});
  report.out_of_orderness = cep::Duration{1'000'000};
  report.late_path = "late.ndjson";
  report.summary.ignored = 2;
  report.summary.ignored_examples = {"heartbeat at in.ndjson:2"};
  const std::string text = format_report(report);
  CAPTURE(text);
  CHECK(text.find("  rejected: 3 lines (--dead-letter FILE stores them)\n"
                  "    2 × `ts` is out of range, first at in.ndjson:7\n"
                  "    1 × not a JSON object, first at in.ndjson:8\n"
                  "  late: 1 event behind the time already reached "
                  "(kept in late.ndjson)\n"
                  "    by 2s500ms at most, first at in.ndjson:20\n"
                  "    a longer wait accepts more of them (--out-of-orderness is 1s)\n"
                  "  ignored: 2 events of types that no rule file declares\n"
                  "    heartbeat at in.ndjson:2\n") != std::string::npos);
}

TEST_CASE("run report: a late event names the line that moved time, and no wait of a year") {
  const cep::Plan plan = plan_of({"a"});
  RunReport report = quiet_report(plan);
  report.summary.late = 2;
  report.late.add({"in.ndjson",
                   20,
                   cep::EventTime{0},
                   cep::Duration{5'000'000},
                   "",
                   {},
                   4,
                   cep::EventTime{5'000'000}});
  report.late.add({"in.ndjson",
                   30,
                   cep::EventTime{0},
                   cep::Duration{172'800'000'000},
                   "",
                   {},
                   21,
                   cep::EventTime{172'800'000'000}});
  const std::string text = format_report(report);
  CAPTURE(text);
  CHECK(text.find("    by 2d at most, first at in.ndjson:20; in.ndjson:21 had moved time to "
                  "1970-01-03T00:00:00Z\n"
                  "    no wait is that long: check the clock that gave that line its time, or the "
                  "order of the inputs\n") != std::string::npos);
}

TEST_CASE("run report: what earlier starts set aside is told apart from this one's") {
  const cep::Plan plan = plan_of({"a"});
  RunReport report = quiet_report(plan);
  report.data_path = "state";
  report.before.events = 1000;
  report.summary.late = report.before.late = 3;
  report.summary.dead_letters = report.before.dead_letters = 2;
  std::string text = format_report(report);
  CAPTURE(text);
  CHECK(text.find("first at") == std::string::npos);
  CHECK(text.find("by 0s") == std::string::npos);
  CHECK(text.find("other reasons") == std::string::npos);
  CHECK(text.find("  rejected: 2 lines (`tocsin dead list --data state` shows them)\n"
                  "    2 at earlier starts\n") != std::string::npos);
  CHECK(text.find("`tocsin late list --data state` shows them)\n"
                  "    3 at earlier starts\n") != std::string::npos);
  report.summary.late = 4;
  report.late.add({"in.ndjson", 20, cep::EventTime{0}, cep::Duration{1'000'000}, ""});
  text = format_report(report);
  CHECK(text.find("    by 1s at most, first at in.ndjson:20\n") != std::string::npos);
}

TEST_CASE("run report: jumps are counted, and those rejected") {
  const cep::Plan plan = plan_of({"a"});
  RunReport report = quiet_report(plan);
  report.summary.jumps = 1;
  CHECK(format_report(report).find("  jumps: 1 event ahead of the time of the input, each held "
                                   "until the next confirmed it\n") != std::string::npos);
  report.summary.jumps = 1200;
  report.summary.jumps_rejected = 2;
  CHECK(format_report(report).find(
            "  jumps: 1,200 events ahead of the time of the input, each held "
            "until the next confirmed it; 2 rejected (--jump-max)\n") != std::string::npos);
}

TEST_CASE("run report: a run that could use no line says why; others say nothing") {
  const cep::Plan plan = plan_of({"a"});
  RunReport report = quiet_report(plan);
  CHECK_FALSE(nothing_usable(report));  // nothing was read
  report.summary.lines = 2;
  report.summary.dead_letters = 1;
  report.rejected.add({"in.ndjson", 7, "`ts` is out of range: 9e99", ""});
  CHECK_FALSE(nothing_usable(report));
  report.summary.ignored = 1;
  report.summary.ignored_examples = {"heartbeat at in.ndjson:2"};
  CHECK(
      nothing_usable(report).value_or("") ==
      "not one of 2 lines could be used: events are JSON objects, one on each line, with a `type` "
      "that the rule files declare; 1 rejected, first at in.ndjson:7: `ts` is out of range; 1 of "
      "types that no rule file declares, such as heartbeat at in.ndjson:2");
  report.before.lines = 1;
  report.before.ignored = 1;
  CHECK(nothing_usable(report).value_or("").starts_with("the only line could not be used: "));
  report.before = report.summary;
  CHECK_FALSE(nothing_usable(report));
}

TEST_CASE("run report: what is kept of a state is said in words that fit its number") {
  using Fate = cep::RestoreReport::Fate;
  cep::RestoreReport restored;
  CHECK(format_restored(restored) == "of its state no rule or feature is kept\n");
  restored.lines.resize(1);
  restored.lines[0].fate = Fate::kKept;
  CHECK(format_restored(restored) == "of its state 1 rule or feature is kept\n");
  restored.lines.resize(2);
  restored.lines[1].fate = Fate::kKept;
  CHECK(format_restored(restored) == "of its state 2 rules and features are kept\n");
}

TEST_CASE("run report: deliveries left over name the file and the last error") {
  const cep::Plan plan = plan_of({"a"});
  RunReport report = quiet_report(plan);
  report.webhook_url = "http://127.0.0.1:9/x";
  report.undelivered_path = "left.ndjson";
  DeliverySummary deliveries;
  deliveries.enqueued = 5;
  deliveries.delivered = 3;
  deliveries.left_over = 2;
  deliveries.attempts = 9;
  deliveries.last_error = "connection refused";
  report.deliveries = deliveries;
  CHECK(
      format_report(report).ends_with("deliveries: 3 of 5 to http://127.0.0.1:9/x, in 9 attempts\n"
                                      "  not delivered: 2, in left.ndjson\n"
                                      "  last error: connection refused\n"));
}

TEST_CASE("run report: a flood of different reasons stays bounded and counted") {
  RejectedTally tally;
  for (int i = 0; i < 1000; ++i) tally.add({"f", 1, "reason " + std::to_string(i), ""});
  const auto reasons = tally.by_count();
  CHECK(reasons.size() == 101);
  CHECK(reasons.front().first == "other reasons");
  CHECK(reasons.front().second.count == 900);
}
}  // namespace
}  // namespace tocsin::api
