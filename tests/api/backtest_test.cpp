// What a backtest counts, against naive counts of random alerts; labels; charts.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "api/backtest/alert_tally.h"
#include "api/backtest/alert_value.h"
#include "api/backtest/changed_samples.h"
#include "api/backtest/comparison.h"
#include "api/backtest/labels.h"
#include "api/backtest/svg_chart.h"
#include "api/backtest/text_table.h"
#include "cep/data/alert_format.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "runtime/event_time/run.h"
#include "tests/support/event_json.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"

namespace tocsin::tests {
namespace {
using namespace api;
using nlohmann::json;

constexpr std::int64_t kHourUs = 3'600'000'000;
constexpr std::int64_t kDayUs = 24 * kHourUs;

std::vector<AlertFacts> random_alerts(Random& random, std::uint32_t rules) {
  std::vector<AlertFacts> alerts(random.below(60));
  for (AlertFacts& alert : alerts) {
    alert.rule = static_cast<std::uint32_t>(random.below(rules));
    alert.key = random.below(4);
    alert.last_event = random.below(8);
    alert.ts.us = random.between(-2, 2) * kDayUs + random.between(-1, 1);
  }
  return alerts;
}

// Of alerts of `rule`, how many have another of `other` that `is_like` says is like them.
template <typename IsLike>
std::uint64_t count_like(const std::vector<AlertFacts>& first, std::uint32_t rule,
                         const std::vector<AlertFacts>& second, std::uint32_t other,
                         const IsLike& is_like) {
  return static_cast<std::uint64_t>(std::ranges::count_if(first, [&](const AlertFacts& alert) {
    return alert.rule == rule && std::ranges::any_of(second, [&](const AlertFacts& candidate) {
             return candidate.rule == other && is_like(alert, candidate);
           });
  }));
}

// The day in which a time lies, by steps.
std::int64_t naive_day(std::int64_t us) {
  std::int64_t day = 0;
  while (us < 0) {
    us += kDayUs;
    --day;
  }
  while (us >= kDayUs) {
    us -= kDayUs;
    ++day;
  }
  return day;
}
// A field of the plan's alerts, if there is one.
std::string value_in(const cep::Plan& plan) {
  for (const cep::Rule& rule : plan.rules) {
    if (!rule.fields.empty()) return rule.fields.front().name;
  }
  return "";
}
}  // namespace

TEST_CASE("backtest: days and hours, also before the epoch") {
  CHECK(day_of({0}) == 0);
  CHECK(day_of({-1}) == -1);
  CHECK(day_of({-kDayUs}) == -1);
  CHECK(day_of({kDayUs - 1}) == 0);
  CHECK(hour_of({-1}) == 23);
  CHECK(hour_of({-kHourUs}) == 23);
  CHECK(hour_of({-kHourUs - 1}) == 22);
  CHECK(hour_of({kDayUs + kHourUs}) == 1);
}

TEST_CASE("backtest: overlaps and changes are those of a naive count") {
  for_all_seeds("comparison", 2000, [](Random& random) {
    const std::vector<AlertFacts> first = random_alerts(random, 3);
    const std::vector<AlertFacts> second = random_alerts(random, 3);
    std::map<std::pair<std::uint32_t, std::uint32_t>, Overlap> found;
    for (const Overlap& overlap : find_overlaps(first, second)) {
      CHECK(overlap.same_day + overlap.same_event > 0);
      CHECK(found.emplace(std::pair{overlap.first, overlap.second}, overlap).second);
    }
    for (std::uint32_t a = 0; a < 3; ++a) {
      for (std::uint32_t b = 0; b < 3; ++b) {
        const Overlap& overlap = found[{a, b}];
        CHECK(overlap.same_day ==
              count_like(first, a, second, b, [](const AlertFacts& x, const AlertFacts& y) {
                return x.key == y.key && naive_day(x.ts.us) == naive_day(y.ts.us);
              }));
        CHECK(overlap.same_event ==
              count_like(first, a, second, b, [](const AlertFacts& x, const AlertFacts& y) {
                return x.last_event == y.last_event;
              }));
      }
    }
    std::vector<Change> changes = {{0, 1}, {2, 0}};
    count_changes({first}, {second}, changes);
    for (const Change& change : changes) {
      using Moment = std::tuple<std::uint64_t, std::int64_t, std::uint64_t>;
      std::map<Moment, std::int64_t> before;
      std::uint64_t now_count = 0;
      for (const AlertFacts& alert : second) {
        if (alert.rule == change.second) ++before[{alert.key, alert.ts.us, alert.last_event}];
      }
      std::uint64_t same = 0;
      std::uint64_t gone = 0;
      for (const AlertFacts& alert : first) {
        if (alert.rule != change.first) continue;
        ++now_count;
        if (before[{alert.key, alert.ts.us, alert.last_event}]-- > 0) ++same;
      }
      for (const auto& [moment, left] : before) {
        if (left > 0) gone += static_cast<std::uint64_t>(left);
      }
      CHECK(change.same == same);
      CHECK(change.added == now_count - same);
      CHECK(change.gone == gone);
    }
    const std::vector<std::uint64_t> keys = count_keys(first, 3);
    for (std::uint32_t rule = 0; rule < 3; ++rule) {
      std::set<std::uint64_t> naive;
      for (const AlertFacts& alert : first) {
        if (alert.rule == rule) naive.insert(alert.key);
      }
      CHECK(keys[rule] == naive.size());
    }
  });
}

TEST_CASE("backtest: sums of changes are those of the alerts that came, went and stayed") {
  const auto random_values = [](Random& random, std::size_t count) {
    std::vector<AlertValue> values(count);
    for (AlertValue& value : values) {
      if (!random.chance(20)) value = exact_number(cep::Value::decimal(random.between(-5, 5), 2));
    }
    return values;
  };
  for_all_seeds("sums of changes", 2000, [&](Random& random) {
    const std::vector<AlertFacts> first = random_alerts(random, 3);
    const std::vector<AlertFacts> second = random_alerts(random, 3);
    const std::vector<AlertValue> now = random_values(random, first.size());
    const std::vector<AlertValue> before = random_values(random, second.size());
    std::vector<Change> changes = {{0, 1}, {2, 0}};
    count_changes({first, now}, {second, before}, changes);
    using Moment = std::tuple<std::uint64_t, std::int64_t, std::uint64_t>;
    for (const Change& change : changes) {
      std::map<Moment, std::pair<std::vector<AlertValue>, std::vector<AlertValue>>> by_moment;
      for (std::size_t i = 0; i < first.size(); ++i) {
        if (first[i].rule != change.first) continue;
        by_moment[{first[i].key, first[i].ts.us, first[i].last_event}].first.push_back(now[i]);
      }
      for (std::size_t i = 0; i < second.size(); ++i) {
        if (second[i].rule != change.second) continue;
        by_moment[{second[i].key, second[i].ts.us, second[i].last_event}].second.push_back(
            before[i]);
      }
      ValueSum same;
      ValueSum added;
      ValueSum gone;
      for (const auto& [moment, values] : by_moment) {
        const auto& [ours, theirs] = values;
        const std::size_t both = std::min(ours.size(), theirs.size());
        for (std::size_t i = 0; i < ours.size(); ++i) (i < both ? same : added).add(ours[i]);
        for (std::size_t i = both; i < theirs.size(); ++i) gone.add(theirs[i]);
      }
      const auto check = [](const ValueSum& found, const ValueSum& naive, std::uint64_t alerts) {
        CHECK((found.billionths == naive.billionths));
        CHECK(found.alerts == naive.alerts);
        CHECK(found.without == naive.without);
        CHECK(found.alerts + found.without == alerts);
      };
      check(change.same_value, same, change.same);
      check(change.added_value, added, change.added);
      check(change.gone_value, gone, change.gone);
    }
  });
}

TEST_CASE("backtest: a sum has the digits of its values, and says what has none") {
  using cep::Value;
  ValueSum sum;
  CHECK(sum.text() == "0");
  const auto text_of = [](const Value& value) {
    ValueSum one;
    one.add(exact_number(value));
    return one.without == 0 ? one.text() : "none";
  };
  CHECK(text_of(Value::decimal(90000, 2)) == "900.00");
  CHECK(text_of(Value::decimal(-5, 2)) == "-0.05");
  CHECK(text_of(Value::integer(12)) == "12");
  CHECK(text_of(Value::fraction(1, 3)) == "0.333333333");
  CHECK(text_of(Value::decimal(1'500'000'000'000, 12)) == "1.500000000");
  CHECK(text_of(Value::decimal(1, 12)) == "none");
  CHECK(text_of(Value::floating(0.1)) == "0.1");
  CHECK(text_of(Value::floating(1e15)) == "1000000000000000");
  CHECK(text_of(Value::floating(0.1 + 0.2)) == "none");  // 0.30000000000000004
  CHECK(text_of(Value::floating(1e300)) == "none");
  CHECK(text_of(Value::integer(cep::Int128{1} << 120)) == "none");  // no room for its billionths
  CHECK(text_of(Value::missing()) == "none");
  CHECK(text_of(Value::string("12")) == "none");
  CHECK(text_of(Value::duration({5})) == "none");
  // More digits than a double has.
  sum.add(exact_number(Value::decimal(9'007'199'254'740'993, 2)));
  sum.add(exact_number(Value::decimal(1, 3)));
  sum.add(exact_number(Value::missing()));
  CHECK(sum.text() == "90071992547409.931");
  CHECK(sum.alerts == 2);
  CHECK(sum.without == 1);
  // A sum that would be too large leaves the value out.
  const Value large = Value::integer(cep::Int128{1} << 96);
  ValueSum many;
  for (int i = 0; i < 3; ++i) many.add(exact_number(large));
  CHECK(many.alerts == 2);
  CHECK(many.without == 1);
}

TEST_CASE("backtest: examples of changes are the first alerts that the other set does not have") {
  using Moment = std::tuple<std::int64_t, std::uint64_t, std::uint64_t>;
  const auto moment_of = [](const AlertFacts& alert) {
    return Moment{alert.ts.us, alert.key, alert.last_event};
  };
  const auto text_of = [](const Moment& moment) {
    return fmt::format("{}", fmt::join(moment, " "));
  };
  for_all_seeds("changed samples", 1000, [&](Random& random) {
    const std::vector<AlertFacts> first = random_alerts(random, 3);
    const std::vector<AlertFacts> second = random_alerts(random, 3);
    const std::vector<Change> changes = {{0, 1}, {2, 0}};
    const std::size_t most = random.below(5);
    ChangedSamples samples(changes, most);
    const std::size_t share = random.below(101);  // 0 and 100: one set after the other
    for (std::size_t a = 0, b = 0; a < first.size() || b < second.size();) {
      const bool is_new = b == second.size() || (a < first.size() && random.chance(share));
      const AlertFacts& alert = is_new ? first[a++] : second[b++];
      samples.add(is_new ? ChangedSamples::Set::kNew : ChangedSamples::Set::kOld, alert, [&] {
        SampleAlert sample;
        sample.json = text_of(moment_of(alert));
        return sample;
      });
    }
    const auto naive = [&](const std::vector<AlertFacts>& own, std::uint32_t rule,
                           const std::vector<AlertFacts>& other, std::uint32_t other_rule) {
      std::multiset<Moment> moments;
      for (const AlertFacts& alert : own) {
        if (alert.rule == rule) moments.insert(moment_of(alert));
      }
      for (const AlertFacts& alert : other) {
        if (alert.rule == other_rule) moments.erase(moment_of(alert));
      }
      std::vector<std::string> texts;
      for (const Moment& moment : moments) {
        if (texts.size() < most) texts.push_back(text_of(moment));
      }
      return texts;
    };
    const auto texts_of = [](const std::vector<SampleAlert>& found) {
      std::vector<std::string> texts;
      for (const SampleAlert& sample : found) texts.push_back(sample.json);
      return texts;
    };
    const std::vector<ChangedAlerts> found = samples.take(first, second);
    REQUIRE(found.size() == changes.size());
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const auto [now, before] = std::pair{changes[i].first, changes[i].second};
      CHECK(texts_of(found[i].added) == naive(first, now, second, before));
      CHECK(texts_of(found[i].gone) == naive(second, before, first, now));
    }
  });
}

TEST_CASE("backtest: examples of changes are none that came while too many waited") {
  ChangedSamples samples({{0, 0}}, 5);
  std::vector<AlertFacts> alerts(2 * ChangedSamples::kWaitingMax);
  std::size_t made = 0;
  const auto make = [&] {
    ++made;
    return SampleAlert();
  };
  for (std::size_t i = 0; i < alerts.size(); ++i) {
    alerts[i].key = i;
    samples.add(ChangedSamples::Set::kNew, alerts[i], make);
  }
  CHECK(made == ChangedSamples::kWaitingMax);
  for (const AlertFacts& alert : alerts) samples.add(ChangedSamples::Set::kOld, alert, make);
  const std::vector<ChangedAlerts> found = samples.take(alerts, alerts);
  CHECK(found.front().added.empty());
  CHECK(found.front().gone.empty());
}

TEST_CASE("backtest: what is counted of random alerts is in their lines") {
  std::size_t alerts = 0;
  for_all_seeds("backtest", 300, [&](Random& random) {
    const cep::Plan plan = random_language_plan(random);
    const auto program = cep::compile(std::make_shared<const cep::Plan>(plan));
    if (!program) return;
    const std::string events = event_lines(
        random, plan, random_events(random, plan, {.crowds = 1, .disorder = random.chance(50)}));
    const std::size_t facts_max = random.chance(20) ? random.below(5) : 1000;
    const std::string value = value_in(plan);
    AlertTally tally(program->plan(), nullptr,
                     {.samples = 2, .facts_max = facts_max, .value = value});
    std::vector<json> lines;
    runtime::Sinks sinks;
    sinks.alert = [&](const cep::Alert& alert) -> Result<void> {
      tally.add(alert);
      if (alert.budget) return {};  // the engine's own, which is not counted
      lines.push_back(json::parse(cep::format_alert(program->plan(), alert)));
      return {};
    };
    REQUIRE(runtime::run(*program, {{"random.ndjson", events}}, {}, sinks).has_value());
    const std::vector<std::uint64_t> keys = count_keys(tally.facts(), plan.rules.size());
    CHECK(tally.facts().size() == std::min(lines.size(), facts_max));
    CHECK(tally.facts_left_out() == lines.size() - tally.facts().size());
    for (std::size_t i = 0; i < plan.rules.size(); ++i) {
      const RuleTally& rule = tally.rules()[i];
      RuleTally naive;
      std::set<std::string> naive_keys;
      std::vector<json> naive_samples;
      std::uint64_t numbers = 0;
      for (const json& line : lines) {
        if (line["rule"] != plan.rules[i].id) continue;
        ++naive.alerts;
        naive.held_back += line["held_back"].get<std::uint64_t>();
        const std::int64_t us = line["ts"].get<std::int64_t>();
        ++naive.by_day[naive_day(us)];
        ++naive.by_hour[static_cast<std::size_t>((us - naive_day(us) * kDayUs) / kHourUs)];
        naive_keys.insert(line["key"].dump());
        const json& members = value == "score" ? line : line["fields"];
        if (members.contains(value) && members[value].is_number()) ++numbers;
        if (naive_samples.size() < 2) naive_samples.push_back(line);
      }
      CHECK(rule.alerts == naive.alerts);
      CHECK(rule.held_back == naive.held_back);
      CHECK(rule.by_day == naive.by_day);
      CHECK(rule.by_hour == naive.by_hour);
      if (!value.empty()) {
        CHECK(rule.value.all.alerts + rule.value.all.without == rule.alerts);
        CHECK(rule.value.all.alerts <= numbers);
        CHECK(rule.value.caught.alerts == 0);
      }
      if (facts_max >= lines.size()) CHECK(keys[i] == naive_keys.size());
      REQUIRE(rule.samples.size() == naive_samples.size());
      for (std::size_t s = 0; s < rule.samples.size(); ++s) {
        CHECK(json::parse(rule.samples[s].json) == naive_samples[s]);
        CHECK(rule.samples[s].message == naive_samples[s]["message"]);
        CHECK(rule.samples[s].events.size() == naive_samples[s]["events"].size());
      }
    }
    alerts += lines.size();
  });
  CHECK(alerts > 0);
}

TEST_CASE("backtest: labels are read in each of their forms") {
  const auto labels = Labels::parse(
      R"({"events":["e1","e2"],"scenario":"probe","first_ts":5,"last_ts":9}

{"event":17,"label":"ok"}
{"key":{"card":"c1"},"first_ts":"2026-03-02T00:00:00Z","last_ts":1772496000000000}
)",
      "labels.ndjson");
  REQUIRE(labels.has_value());
  REQUIRE(labels->cases().size() == 3);
  CHECK(labels->cases()[0].scenario == "probe");
  CHECK(labels->cases()[0].is_fraud);
  CHECK(labels->cases()[0].last == cep::EventTime{9});
  CHECK_FALSE(labels->cases()[1].is_fraud);
  CHECK(labels->cases()[2].first == cep::parse_time("2026-03-02T00:00:00Z"));
  CHECK(is_within(labels->cases()[0], {9}, {12}));
  CHECK_FALSE(is_within(labels->cases()[0], {10}, {12}));
  CHECK(is_within(labels->cases()[1], {10}, {12}));
}

TEST_CASE("backtest: a label that is none is refused with its place") {
  struct Row {
    const char* text;
    const char* message;
  };
  const Row rows[] = {
      {"\n{\"events\":[}", "f:2: this is no JSON object"},
      {"[1]", "f:1: this is no JSON object"},
      {R"({"event":"e","label":"maybe"})", R"(f:1: `label` is "fraud" or "ok", not "maybe")"},
      {R"({"event":1.5})", "f:1: an event is named by its id, not 1.5"},
      {R"({"key":{"card":"c"}})", "f:1: it names neither events nor a key with its times"},
      {R"({"label":"fraud"})", "f:1: it names neither events nor a key with its times"},
      {R"({"event":"e","first_ts":"noon"})", "f:1: `first_ts` and `last_ts` are microseconds"},
      {"\n", "f has no label"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto labels = Labels::parse(row.text, "f");
    REQUIRE_FALSE(labels.has_value());
    CHECK(labels.error().message.starts_with(row.message));
    CHECK(labels.error().message.find("a label is") != std::string::npos);
  }
}

TEST_CASE("backtest: labels find alerts by event, and by key and time") {
  const auto labels = Labels::parse(R"({"events":["e1","e2"]}
{"event":"e2","label":"ok"}
{"key":{"card":"c1"},"first_ts":100,"last_ts":200}
{"events":["e9"],"first_ts":5000,"last_ts":5001}
)",
                                    "labels");
  REQUIRE(labels.has_value());
  LabelTally tally;
  const auto judge = [&](const std::vector<std::string>& ids, const char* card, std::int64_t ts) {
    std::vector<cep::BoundEvent> events;
    for (const std::string& id : ids) events.push_back({"", cep::EventTypeIndex(0U), id, id, {ts}});
    cep::Alert alert;
    alert.ts.us = ts;
    alert.events = cep::BoundEvents(cep::PackedEvents(events));
    AlertFacts facts;
    facts.key = key_digest({{"card", card}});
    std::vector<std::uint32_t> found;
    labels->find(alert, facts, found);
    tally.add(*labels, found, alert.ts);
    return found;
  };
  using Found = std::vector<std::uint32_t>;
  CHECK(judge({"e1"}, "\"c7\"", 0) == Found{0});
  CHECK(judge({"e1", "e2", "e2"}, "\"c7\"", 0) == Found{0, 1});
  CHECK(judge({"e3"}, "\"c1\"", 140) == Found{2});
  CHECK(judge({"e3"}, "\"c1\"", 130) == Found{2});
  CHECK(judge({"e3"}, "\"c1\"", 201).empty());
  CHECK(judge({"e3"}, "\"c2\"", 150).empty());
  const LabelCounts counts = tally.counts(*labels, {0}, {1000});
  CHECK(counts.fraud == 4);
  CHECK(counts.delays == 1);  // one of both says when it began
  CHECK(counts.delay_half.us == 30);
  CHECK(counts.delay_most.us == 30);
  CHECK(counts.ok == 0);
  CHECK(counts.unlabelled == 2);
  CHECK(counts.found == 2);
  CHECK(counts.frauds == 2);  // the last lies after all events
  CHECK(*counts.precision() == doctest::Approx(4.0 / 6.0));
  CHECK(*counts.recall() == doctest::Approx(1.0));
  CHECK(tally.counts(*labels, {0}, {6000}).frauds == 3);
  CHECK_FALSE(LabelCounts{}.precision().has_value());
  CHECK_FALSE(LabelCounts{}.recall().has_value());
}

TEST_CASE("backtest: tables and charts") {
  TextTable table({"rule", "alerts"});
  table.add({"å", "1,000"});
  table.add({"long", "-"});
  CHECK(table.text() ==
        "  rule  alerts\n"
        "  å      1,000\n"
        "  long       -\n");
  CHECK(escape_html("<a b=\"c\">'&") == "&lt;a b=&quot;c&quot;&gt;&#39;&amp;");
  CHECK(bar_chart("none", {}).empty());
  std::vector<ChartBar> hours;
  for (int hour = 0; hour < 24; ++hour) hours.push_back({std::to_string(hour), 1});
  CHECK(bar_chart("hours", hours).find(">23</text></svg>") != std::string::npos);
  const std::string chart = bar_chart("x<y", {{"<1>", 10}, {"2", 0}});
  CHECK(chart.find("aria-label=\"x&lt;y\"") != std::string::npos);
  CHECK(chart.find("<title>&lt;1&gt;: 10</title>") != std::string::npos);
  CHECK(chart.find("height=\"120.00\"") != std::string::npos);
  CHECK(chart.find("height=\"0.00\"") != std::string::npos);
}
}  // namespace tocsin::tests
