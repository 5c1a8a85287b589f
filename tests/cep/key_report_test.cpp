// What an engine says of one key and of its rules, and that asking changes nothing.
#include "cep/engine/key_report.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <string>
#include <vector>

#include "cep/compile/program.h"
#include "cep/engine/engine.h"
#include "cep/plan/feature.h"
#include "cep/plan/rule.h"
#include "cep/plan/zone.h"
#include "tests/cep/plan_builder.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_plan.h"

namespace tocsin::tests {
namespace {
using cep::KeyReport;

std::string ms(cep::EventTime time) { return fmt::format("{}", time.us / 1'000); }

// "2 of 3, a 2@1-5, b 1@7, since 1, expires 100": one match.
std::string shown(const cep::ReportedMatch& match) {
  std::string out = fmt::format("{} of {}", match.step, match.steps);
  for (const cep::ReportedEvents& events : match.events) {
    out += fmt::format(", {} {}@{}", events.name, events.count, ms(events.first));
    if (events.count > 1) out += "-" + ms(events.last);
  }
  out += ", since " + ms(match.since);
  if (match.expires) out += ", expires " + ms(*match.expires);
  if (match.deadline) out += ", deadline " + ms(*match.deadline);
  if (match.is_complete) out += ", complete";
  if (!match.waits_for.empty()) out += ", waits for " + match.waits_for;
  return out;
}

// One line for each thing.
Lines shown(const cep::Plan& plan, const KeyReport& report) {
  Lines lines{};
  for (const cep::ReportedRule& rule : report.rules) {
    const std::string name = plan.rules[rule.rule.value].id + ": ";
    for (const cep::ReportedMatch& match : rule.matches) lines.all.push_back(name + shown(match));
    if (rule.more_matches > 0) {
      lines.all.push_back(name + fmt::format("and {} more", rule.more_matches));
    }
    if (rule.window) {
      lines.all.push_back(name + fmt::format("window {}-{}, {} {}@{}-{}", ms(rule.window->begin),
                                             rule.window->end ? ms(*rule.window->end) : "?",
                                             rule.window->events.name, rule.window->events.count,
                                             ms(rule.window->events.first),
                                             ms(rule.window->events.last)));
    }
    if (rule.suppression) {
      lines.all.push_back(name + fmt::format("{}quiet{}, {} held back",
                                             rule.suppression->is_quiet ? "" : "not ",
                                             rule.suppression->quiet_until
                                                 ? " until " + ms(*rule.suppression->quiet_until)
                                                 : "",
                                             rule.suppression->held_back));
    }
    if (rule.lost_runs > 0) lines.all.push_back(name + fmt::format("lost {}", rule.lost_runs));
  }
  for (const cep::ReportedFeature& feature : report.features) {
    lines.all.push_back(plan.features[feature.feature.value].name + " = " +
                        cep::to_text(feature.value.view()));
  }
  return lines;
}

class Asked {
 public:
  Asked(const PlanBuilder& b, const cep::Limits& limits, const std::vector<std::string>& lines,
        std::int64_t until_ms)
      : plan_(b.plan),
        program_(*cep::compile(std::make_shared<const cep::Plan>(b.plan), limits)),
        engine_(program_, 3) {
    engine_.track_changes();
    const auto placed = oracle::place_events(b.plan, b.events(lines), {});
    take_step(program_, engine_, placed, {0, placed.size(), {until_ms * 1'000}}, alerts_);
  }
  Lines about(const std::string& card, std::size_t matches_max = 20) {
    auto queries = cep::find_keys(program_, {{"card", card}});
    REQUIRE(queries.has_value());
    REQUIRE(queries->size() == 1);
    queries->front().matches_max = matches_max;
    const Snapshot before = whole_snapshot(engine_);
    const KeyReport report = engine_.report(queries->front());
    CHECK(whole_snapshot(engine_) == before);
    return shown(plan_, report);
  }
  cep::Engine& engine() { return engine_; }

 private:
  const cep::Plan& plan_;
  cep::Program program_;
  cep::Engine engine_;
  std::vector<cep::Alert> alerts_;
};

cep::KeySpec by_card(const PlanBuilder& b) {
  return b.key("card", {{"pay", "card", ""}, {"transfer", "from_account", ""}});
}
}  // namespace

TEST_CASE("key report: partial matches of each method, and what features say") {
  PlanBuilder b;
  cep::Rule& runs = b.rule("runs", by_card(b), {{b.kind("pay")}, {b.kind("transfer")}});
  runs.pattern[0].repetition()->quantifier = {2, std::nullopt, cep::LoopMode::kRelaxed, false,
                                              true};
  runs.variables[0].loop = true;
  runs.variables[0].name = "probes";
  runs.within = cep::Duration{600'000};
  cep::Rule& strict =
      b.rule("strict", by_card(b), {{b.kind("pay")}, {b.kind("pay")}, {b.kind("transfer")}});
  strict.pattern[1].contiguity = strict.pattern[2].contiguity = cep::Contiguity::kNext;
  strict.variables[1].name.clear();  // called as its kind
  strict.within = cep::Duration{50'000};
  cep::Rule& silence = b.rule("silence", by_card(b), {{b.kind("pay")}, {b.kind("pay")}});
  cep::Absence no;
  no.events = {b.kind("transfer")};
  no.absent_for = cep::Duration{30'000};
  silence.pattern.push_back(no);
  silence.within = cep::Duration{100'000};
  b.count("recently", {b.kind("pay")}, by_card(b), 15);
  cep::Feature& devices = b.count("devices", {b.kind("pay")}, by_card(b), 1'000);
  devices.aggregate = cep::Aggregate::kDistinct;
  devices.argument = b.field("device", {"pay"});

  Asked asked(b, {}, {"pay 1 card=x device=d amount=1", "pay 11 card=x device=e amount=1"}, 20);
  CHECK(asked.about("x") ==
        Lines{"runs: 1 of 2, probes 2@1-11, since 1, expires 601, waits for b",
              "runs: 1 of 2, probes 1@11, since 11, expires 611, waits for probes",
              "strict: 2 of 3, a 1@1, pay 1@11, since 1, expires 51, waits for c",
              "strict: 1 of 3, a 1@11, since 11, expires 61, waits for pay",
              "silence: 2 of 2, a 1@1, b 1@11, since 1, deadline 41, complete",
              "silence: 1 of 2, a 1@1, since 1, expires 101, waits for b",
              "silence: 1 of 2, a 1@11, since 11, expires 111, waits for b", "recently = 1",
              "devices = 2"});
  CHECK(asked.about("nobody") == Lines{"recently = 0", "devices = 0"});
  CHECK(asked.about("x", 1).all.size() == 8);
  const std::vector<cep::RuleTotals> totals = asked.engine().rule_totals();
  REQUIRE(totals.size() == 3);
  CHECK(totals[0].keys == 1);
  CHECK(totals[0].runs == 2);
  CHECK(totals[1].runs == 2);
  CHECK(totals[1].captured_events == 2);
  CHECK(totals[2].runs == 3);
  CHECK(totals[2].captured_events == 2);
  CHECK(totals[2].bytes > 0);
}

TEST_CASE("key report: a busy key says how far each first event has come, on any path") {
  PlanBuilder b;
  cep::Rule& rule =
      b.rule("r", by_card(b), {{b.kind("pay")}, {b.kind("pay")}, {b.kind("transfer")}});
  rule.pattern[1].repetition()->optional = true;
  rule.within = cep::Duration{600'000};
  cep::Limits limits;
  limits.busy_key_runs = 0;
  Asked asked(b, limits, {"pay 1 card=x amount=1", "pay 11 card=x amount=1"}, 20);
  CHECK(asked.about("x") == Lines{"r: 2 of 3, a 1@1, since 1, expires 601, waits for c",
                                  "r: 1 of 3, a 1@11, since 11, expires 611, waits for c"});
  CHECK(asked.about("x", 1).all.size() == 2);
  const std::vector<cep::RuleTotals> totals = asked.engine().rule_totals();
  CHECK(totals[0].runs == 2);
  CHECK(totals[0].captured_events == 2);
}

TEST_CASE("key report: windows, what is held back, what was lost") {
  PlanBuilder b;
  b.window("session", by_card(b), true, 100, {b.kind("pay")});
  cep::Rule& quiet = b.rule("quiet", by_card(b), {{b.kind("pay")}, {b.kind("transfer")}});
  quiet.within = cep::Duration{200'000};
  quiet.suppression.once = cep::OncePerDuration{cep::Duration{1'000'000}};
  cep::Rule& many = b.rule("many", by_card(b), {{b.kind("pay")}, {b.kind("transfer")}});
  many.selection.kind = cep::SelectionKind::kNoSkip;
  many.within = cep::Duration{500'000};
  many.suppression.at_most = cep::AtMost{2, cep::Duration{400'000}};
  cep::Limits limits;
  limits.runs_per_key_max = 2;
  Asked asked(
      b, limits,
      {"pay 1 card=x amount=1", "transfer 2 from_account=x amount=1",
       "transfer 3 from_account=x amount=1", "pay 50 card=x amount=1", "pay 60 card=x amount=1"},
      70);
  CHECK(asked.about("x") == Lines{"session: window 1-160, w 3@1-60",
                                  "quiet: 1 of 2, a 1@50, since 50, expires 250, waits for b",
                                  "quiet: 1 of 2, a 1@60, since 60, expires 260, waits for b",
                                  "quiet: quiet until 1002, 1 held back", "quiet: lost 1",
                                  "many: 1 of 2, a 1@50, since 50, expires 550, waits for b",
                                  "many: 1 of 2, a 1@60, since 60, expires 560, waits for b",
                                  "many: quiet until 402, 0 held back", "many: lost 1"});
}

TEST_CASE("key report: a rule that alerts once per month is quiet until the next one") {
  PlanBuilder b;
  b.plan.zones = {{"Asia/Tokyo", {{cep::kEventTimeMin, 32'400}}}};
  cep::Rule& monthly = b.rule("monthly", by_card(b), {{b.kind("pay")}});
  monthly.suppression.once =
      cep::OncePerUnit{cep::CalendarUnit::kMonth,
                       literal(type_of(cep::TypeKind::kString), cep::Value::string("Asia/Tokyo"))};
  Asked asked(b, {}, {"pay 1 card=x amount=1", "pay 50 card=x amount=1"}, 70);
  // The 1st of February 1970 in Tokyo: 31 days less nine hours.
  CHECK(asked.about("x") == Lines{"monthly: quiet until 2646000000, 1 held back"});
}

TEST_CASE("key report: a key is found by what rules call its parts") {
  PlanBuilder b;
  b.rule("card", by_card(b), {{b.kind("pay")}, {b.kind("transfer")}});
  b.count("of_amount", {b.kind("pay")}, b.key("amount", {{"pay", "amount", ""}}), 10);
  const cep::Program program = *cep::compile(std::make_shared<const cep::Plan>(b.plan));
  CHECK(cep::find_keys(program, {{"amount", "17"}})->size() == 1);
  const auto none = cep::find_keys(program, {{"device", "d"}});
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().message == "no rule or feature is by these; there are: amount; card");
  const auto unfit = cep::find_keys(program, {{"amount", "1.5"}});
  REQUIRE_FALSE(unfit.has_value());
  CHECK(unfit.error().message == "what is said of `amount` is no int");
  CHECK_FALSE(cep::find_keys(program, {{"card", "x"}, {"card", "y"}}).has_value());
}

TEST_CASE("key report: of any rules, at any time, and a restored engine says the same") {
  std::size_t matches = 0;
  for_all_seeds("key_report", 100, [&](Random& random) {
    PlanOptions options;
    options.rich_features = true;
    const cep::Plan plan = random_plan(random, options);
    const auto program = cep::compile(std::make_shared<const cep::Plan>(plan));
    REQUIRE(program.has_value());
    const auto placed = oracle::place_events(plan, random_events(random, plan), {});
    cep::Engine engine(*program, 1);
    engine.track_changes();
    std::vector<cep::Alert> alerts;
    for (const EngineStep& step : steps_of(placed, placed.back().engine_time, {7, 1})) {
      take_step(*program, engine, placed, step, alerts);
      const Snapshot snapshot = whole_snapshot(engine);
      auto other = restored_engine(*program, 2, snapshot);
      REQUIRE(other.has_value());
      for (const auto& [place, entry] : snapshot.entries) {
        if (std::get<0>(place) >= program->impl().tables.size()) continue;
        cep::KeyQuery query;
        query.table = std::get<0>(place);
        query.key = std::get<2>(place);
        const KeyReport report = engine.report(query);
        CHECK(report.is_known);
        REQUIRE(shown(plan, report) == shown(plan, other->report(query)));
        for (const cep::ReportedRule& rule : report.rules) {
          matches += rule.matches.size();
          for (const cep::ReportedMatch& match : rule.matches) {
            CHECK(match.step >= 1);
            CHECK(match.step <= match.steps);
            CHECK(match.since <= report.at);
            if (match.expires) CHECK(*match.expires > report.at);
          }
        }
      }
      CHECK(whole_snapshot(engine) == snapshot);
      const auto totals = engine.rule_totals();
      const auto others = other->rule_totals();
      for (std::size_t i = 0; i < totals.size(); ++i) {
        CHECK(totals[i].runs == others[i].runs);
        CHECK(totals[i].bytes == others[i].bytes);
        CHECK(totals[i].keys == others[i].keys);
      }
    }
  });
  if (!tests::is_quick()) CHECK(matches > 1'000);
}
}  // namespace tocsin::tests
