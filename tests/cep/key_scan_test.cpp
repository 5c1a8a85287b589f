// Walks through an engine's keys: what they find is what reports of each key that any event has
// say.
#include "cep/engine/key_scan.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cep/compile/program.h"
#include "cep/engine/engine.h"
#include "cep/engine/key_report.h"
#include "cep/plan/event_type.h"
#include "cep/plan/rule.h"
#include "tests/cep/plan_builder.h"
#include "tests/support/engine_run.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_plan.h"

namespace tocsin::tests {
namespace {
using Texts = std::vector<std::string>;
using RuleOfKey = std::pair<std::size_t, Texts>;  // a rule, and the values of its key
using State = std::map<RuleOfKey, std::string>;

// What is seen of a rule's state of a key, in words.
std::string shown(std::uint64_t matches, const cep::ReportedMatch* furthest, bool has_window,
                  bool has_suppression) {
  std::string text = fmt::format("{} matches", matches);
  if (furthest != nullptr) {
    const std::uint32_t step = furthest->is_complete ? furthest->steps : furthest->step;
    const auto end = furthest->deadline ? furthest->deadline : furthest->expires;
    text += fmt::format(", step {} of {} until {}", std::min(step, furthest->steps),
                        furthest->steps, end.value_or(cep::kEventTimeMax).us);
  }
  return text + (has_window ? ", window" : "") + (has_suppression ? ", suppression" : "");
}

// All keys that events have for a rule: each value that some event has for each part.
std::vector<Texts> keys_of(const cep::Rule& rule, const std::vector<oracle::PlacedEvent>& events) {
  std::vector<Texts> keys = {{}};
  for (const cep::KeyPart& part : rule.key.parts) {
    std::set<std::string> values;
    for (const oracle::PlacedEvent& event : events) {
      for (const cep::KeyMember& member : part.members) {
        if (member.type != event.type) continue;
        const cep::Value value = event.fields[member.field.value].view();
        if (!value.is_missing()) values.insert(cep::to_text(value));
      }
    }
    std::vector<Texts> longer;
    for (const Texts& key : keys) {
      for (const std::string& value : values) {
        longer.push_back(key);
        longer.back().push_back(value);
      }
    }
    keys = std::move(longer);
  }
  return keys;
}

std::string shown(const cep::ReportedRule& rule) {
  const cep::ReportedMatch* furthest = nullptr;
  std::pair<std::uint32_t, std::int64_t> least;
  for (const cep::ReportedMatch& match : rule.matches) {
    const auto end = match.deadline ? match.deadline : match.expires;
    const std::pair<std::uint32_t, std::int64_t> now = {
        match.is_complete ? 0 : match.steps - std::min(match.step, match.steps),
        end.value_or(cep::kEventTimeMax).us};
    if (furthest != nullptr && now >= least) continue;
    furthest = &match;
    least = now;
  }
  return shown(rule.matches.size() + rule.more_matches, furthest, rule.window.has_value(),
               rule.suppression.has_value());
}

// By asking for each key alone.
State naive_state(const cep::Program& program, cep::Engine& engine,
                  const std::vector<oracle::PlacedEvent>& events, const std::vector<bool>& rules,
                  const std::string& prefix) {
  State state;
  const cep::Plan& plan = program.plan();
  for (std::size_t r = 0; r < plan.rules.size(); ++r) {
    if (!rules[r] || program.impl().rules[r].method == cep::Method::kSingle) continue;
    for (const Texts& key : keys_of(plan.rules[r], events)) {
      if (!prefix.empty() && (key.empty() || !key.front().starts_with(prefix))) continue;
      std::vector<std::pair<std::string, std::string>> parts;
      for (std::size_t i = 0; i < key.size(); ++i) {
        parts.emplace_back(plan.rules[r].key.parts[i].name, key[i]);
      }
      auto queries = cep::find_keys(program, parts);
      REQUIRE(queries.has_value());
      for (cep::KeyQuery& query : *queries) {
        query.matches_max = 1'000;
        for (const cep::ReportedRule& rule : engine.report(query).rules) {
          if (rule.rule.value == r) state[{r, key}] = shown(rule);
        }
      }
    }
  }
  return state;
}

// Adds what a scan has found to what is known; no rule of a key comes twice.
void take(cep::KeyScan& scan, State& state) {
  for (const cep::ScannedKey& key : scan.found) {
    Texts texts;
    for (const cep::OwnedValue& part : key.parts) texts.push_back(cep::to_text(part.view()));
    CHECK(key.names.size() == texts.size());
    for (const cep::ScannedRule& rule : key.rules) {
      const bool is_new =
          state
              .emplace(RuleOfKey(rule.rule.value, texts),
                       shown(rule.matches, rule.furthest ? &*rule.furthest : nullptr,
                             rule.window.has_value(), rule.suppression.has_value()))
              .second;
      CHECK(is_new);
    }
  }
  scan.found.clear();
}

cep::KeyScan scan_of(Random& random, std::size_t rules) {
  cep::KeyScan scan;
  for (std::size_t i = 0; i < rules; ++i) scan.rules.push_back(random.chance(80));
  scan.salt = random.next();
  scan.keys_max = random.pick({1, 2, 7, 1'000});
  scan.matches_max = 1'000;
  return scan;
}
}  // namespace

TEST_CASE("key scan: it finds what reports of single keys say, by any parts, for some rules") {
  std::size_t found = 0;
  for_all_seeds("key_scan", 200, [&](Random& random) {
    PlanOptions options;
    options.rich_features = true;
    const cep::Plan plan = random_plan(random, options);
    const auto program = random.chance(50)
                             ? cep::compile(std::make_shared<const cep::Plan>(plan))
                             : cep::compile_by_pass(std::make_shared<cep::Plan>(plan));
    REQUIRE(program.has_value());
    const auto placed = oracle::place_events(plan, random_events(random, plan), {});
    cep::Engine engine(*program, random.next());
    std::vector<cep::Alert> alerts;
    const auto steps = steps_of(placed, placed.back().engine_time, {7, 1});
    for (std::size_t i = 0; i < 1 + steps.size() / 2; ++i) {
      take_step(*program, engine, placed, steps[i], alerts);
    }
    cep::KeyScan scan = scan_of(random, plan.rules.size());
    const State any = naive_state(*program, engine, placed, scan.rules, "");
    if (random.chance(50) && !any.empty() && !any.begin()->first.second.empty()) {
      scan.prefix = any.begin()->first.second.front().substr(0, 1 + random.below(3));
    }
    State state;
    std::uint64_t examined = 0;
    for (bool is_first = true; !scan.is_done; is_first = false) {
      engine.scan_keys(scan);
      CHECK(scan.examined - examined <= scan.keys_max);
      CHECK((scan.examined > examined || scan.is_done || is_first));
      examined = scan.examined;
      take(scan, state);
    }
    CHECK(state == naive_state(*program, engine, placed, scan.rules, scan.prefix));
    found += state.size();
  });
  CHECK(found > 20);
}

TEST_CASE("key scan: a key with state all the time is found once while others come and go") {
  std::size_t always = 0;
  std::size_t gone = 0;
  for_all_seeds("key_scan_moving", 100, [&](Random& random) {
    const cep::Plan plan = random_plan(random);
    const auto program = random.chance(50)
                             ? cep::compile(std::make_shared<const cep::Plan>(plan))
                             : cep::compile_by_pass(std::make_shared<cep::Plan>(plan));
    REQUIRE(program.has_value());
    EventsOptions many;
    many.crowds = 50;
    const auto placed = oracle::place_events(plan, random_events(random, plan, many), {});
    cep::Engine engine(*program, random.next());
    std::vector<cep::Alert> alerts;
    const auto steps = steps_of(placed, placed.back().engine_time, {3, 1});
    std::size_t next = 0;
    for (; next < 1 + steps.size() / 3; ++next)
      take_step(*program, engine, placed, steps[next], alerts);
    cep::KeyScan scan = scan_of(random, plan.rules.size());
    scan.keys_max = random.pick({1, 2});
    std::set<RuleOfKey> all_the_time;
    for (const auto& [key, text] : naive_state(*program, engine, placed, scan.rules, ""))
      all_the_time.insert(key);
    State state;
    while (!scan.is_done) {
      engine.scan_keys(scan);
      take(scan, state);
      if (next == steps.size()) continue;
      take_step(*program, engine, placed, steps[next++], alerts);
      const State now = naive_state(*program, engine, placed, scan.rules, "");
      gone += std::erase_if(all_the_time, [&](const RuleOfKey& key) { return !now.contains(key); });
    }
    for (const RuleOfKey& key : all_the_time) CHECK(state.contains(key));
    always += all_the_time.size();
  });
  CHECK(always > 10);
  CHECK(gone > (is_quick() ? 2 : 10));
}

TEST_CASE("key scan: parts of each type are read as people write them") {
  struct One {
    std::string name;
    cep::Type type;
    cep::Value value;
    std::string text;
  };
  const cep::Type words = enum_of({"red", "dark blue"});
  const std::vector<One> ones = {
      {"flag", type_of(cep::TypeKind::kBool), cep::Value::boolean(false), "false"},
      {"number", type_of(cep::TypeKind::kInt), cep::Value::integer(-1'200), "-1200"},
      {"amount", decimal_of(2), cep::Value::decimal(1'050, 2), "10.50"},
      {"whole", decimal_of(4), cep::Value::decimal(-30'000, 4), "-3.0000"},
      {"real", type_of(cep::TypeKind::kFloat), cep::Value::floating(-0.25), "-0.25"},
      {"text", type_of(cep::TypeKind::kString), cep::Value::string("a,b=c\n\xc3\xa9"),
       "a,b=c\n\xc3\xa9"},
      {"time", type_of(cep::TypeKind::kTime), cep::Value::time({-1}),
       "1969-12-31T23:59:59.999999Z"},
      {"date", type_of(cep::TypeKind::kDate), cep::Value::date(20'514), "2026-03-02"},
      {"span", type_of(cep::TypeKind::kDuration), cep::Value::duration({90'000'000}), "1m30s"},
      {"word", words, cep::Value::enumerated(1, "dark blue"), "dark blue"}};
  PlanBuilder b;
  cep::EventType all;
  all.name = all.json_type = "all";
  all.fields = {field_of("ts", type_of(cep::TypeKind::kTime)),
                field_of("id", type_of(cep::TypeKind::kInt))};
  for (const One& one : ones) all.fields.push_back(field_of(one.name, one.type));
  all.id_field = cep::FieldIndex(1);
  b.plan.event_types.push_back(all);
  oracle::Event event{b.type("all"), {1'000}, {}};
  event.fields.emplace_back(cep::Value::time({1'000}));
  event.fields.emplace_back(cep::Value::integer(1));
  for (const One& one : ones) event.fields.emplace_back(one.value);
  cep::KeySpec three;
  for (const One& one : ones) {
    const cep::KeySpec key = b.key(one.name, {{"all", one.name, ""}});
    b.rule("by_" + one.name, key, {{b.kind("all")}, {b.kind("all")}}).within = cep::Duration{9'000};
    if (one.name == "text" || one.name == "amount" || one.name == "flag")
      three.parts.push_back(key.parts.front());
  }
  b.rule("by_three", three, {{b.kind("all")}, {b.kind("all")}, {b.kind("all")}});
  const auto program = cep::compile(std::make_shared<const cep::Plan>(b.plan));
  REQUIRE(program.has_value());
  cep::Engine engine(*program, 3);
  std::vector<cep::Alert> alerts;
  const auto placed = oracle::place_events(b.plan, {event}, {});
  take_step(*program, engine, placed, {0, 1, {2'000}}, alerts);
  cep::KeyScan scan;
  scan.rules.assign(b.plan.rules.size(), true);
  engine.scan_keys(scan);
  CHECK(scan.is_done);
  REQUIRE(scan.found.size() == ones.size() + 1);
  for (const cep::ScannedKey& key : scan.found) {
    REQUIRE(key.rules.size() == 1);
    std::vector<std::pair<std::string, std::string>> parts;
    for (std::size_t i = 0; i < key.parts.size(); ++i) {
      const auto one = std::ranges::find(ones, key.names[i], &One::name);
      REQUIRE(one != ones.end());
      parts.emplace_back(one->name, cep::to_text(key.parts[i].view()));
      CHECK(parts.back().second == one->text);
    }
    CHECK(cep::find_keys(*program, parts).has_value());
    const bool is_three = key.rules.front().rule.value == ones.size();
    CHECK(key.parts.size() == (is_three ? 3 : 1));
    CHECK(cep::nearness_of(key).missing == (is_three ? 2 : 1));
    CHECK(cep::nearness_of(key).end == (is_three ? cep::kEventTimeMax : cep::EventTime{10'000}));
  }
}

TEST_CASE("key scan: a call ends as it is told to, a walk where it is told to") {
  PlanBuilder b;
  b.rule("pair", b.key("card", {{"pay", "card", ""}}), {{b.kind("pay")}, {b.kind("pay")}});
  const auto program = cep::compile(std::make_shared<const cep::Plan>(b.plan));
  REQUIRE(program.has_value());
  cep::Engine engine(*program, 3);
  std::vector<std::string> lines;
  for (int i = 0; i < 500; ++i) lines.push_back(fmt::format("pay 1 card=c{} device=d amount=1", i));
  const auto placed = oracle::place_events(b.plan, b.events(lines), {});
  std::vector<cep::Alert> alerts;
  take_step(*program, engine, placed, {0, placed.size(), {5'000}}, alerts);
  cep::KeyScan fresh;
  fresh.rules = {true};
  fresh.salt = 9;
  cep::KeyScan whole = fresh;
  engine.scan_keys(whole);
  REQUIRE(whole.found.size() == 500);
  CHECK(std::ranges::is_sorted(whole.found, {}, &cep::ScannedKey::place));

  cep::KeyScan over = fresh;
  over.is_over = [&over] { return over.examined == 3; };
  engine.scan_keys(over);
  CHECK(over.examined == 3);
  CHECK_FALSE(over.is_done);
  CHECK(over.at == whole.found[2].place);

  cep::KeyScan part = fresh;
  part.at = whole.found[9].place;
  part.last = whole.found[29].place;
  engine.scan_keys(part);
  CHECK(part.is_done);
  REQUIRE(part.found.size() == 20);
  CHECK(part.found.front().place == whole.found[10].place);
  CHECK(part.found.back().place == whole.found[29].place);

  // Another salt is another order, and other rules are another layout.
  cep::KeyScan other = fresh;
  other.salt = 10;
  engine.scan_keys(other);
  CHECK(other.found.size() == 500);
  CHECK(other.found[0].place.after != whole.found[0].place.after);
  b.rule("more", b.key("device", {{"pay", "device", ""}}), {{b.kind("pay")}, {b.kind("pay")}});
  const auto changed = cep::compile(std::make_shared<const cep::Plan>(b.plan));
  REQUIRE(changed.has_value());
  CHECK(cep::walk_layout(*program, 9) != cep::walk_layout(*changed, 9));
  CHECK(cep::walk_layout(*program, 9) != cep::walk_layout(*program, 8));
}
}  // namespace tocsin::tests
