#include "api/run_report.h"

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
  CHECK(text.find("repeats: 3 events left out, with the id of one before (`unique`)\n"
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
  CHECK(text.find("  rejected: 3 lines (--dead-letter FILE keeps them)\n"
                  "    2 × `ts` is out of range, first at in.ndjson:7\n"
                  "    1 × not a JSON object, first at in.ndjson:8\n"
                  "  late: 1 event set aside, behind events that had already been worked on "
                  "(kept in late.ndjson)\n"
                  "    by 2s500ms at most, first at in.ndjson:20; a longer wait takes more of them "
                  "(--out-of-orderness is 1s)\n"
                  "  ignored: 2 events of types that no rule file declares\n"
                  "    heartbeat at in.ndjson:2\n") != std::string::npos);
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
                                      "  left over: 2, kept in left.ndjson\n"
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
