// Features in the engine: what a rule of one event shows of them in its message, at each event.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/engine/engine.h"
#include "cep/plan/feature.h"
#include "cep/plan/rule.h"
#include "cep/value/key.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using cep::Aggregate;
using cep::EventTypeIndex;
using cep::FieldIndex;
using cep::OwnedValue;
using cep::TypeKind;
using cep::Value;

constexpr FieldIndex kCard{std::size_t{2}};
constexpr FieldIndex kDevice{std::size_t{3}};

// pay(ts, id, card, device, amount: decimal(2)), and a rule by card over every pay.
cep::Plan pay_plan() {
  cep::Plan plan;
  cep::EventType type;
  type.name = type.json_type = "pay";
  const std::pair<const char*, cep::Type> fields[] = {{"ts", type_of(TypeKind::kTime)},
                                                      {"id", type_of(TypeKind::kInt)},
                                                      {"card", type_of(TypeKind::kString)},
                                                      {"device", type_of(TypeKind::kString)},
                                                      {"amount", decimal_of(2)}};
  for (const auto& [name, field_type] : fields) {
    cep::Field field;
    field.name = name;
    field.path = {name};
    field.type = field_type;
    type.fields.push_back(field);
  }
  type.id_field = FieldIndex(1);
  plan.event_types.push_back(type);

  cep::Rule rule;
  rule.name = rule.id = "every_pay";
  rule.key.parts = {{"card", type_of(TypeKind::kString), {{EventTypeIndex(0), kCard, ""}}}};
  rule.variables = {{"p", false}};
  cep::Step step;
  step.events = {{EventTypeIndex(0), nullptr, "pay"}};
  rule.pattern = {step};
  rule.considered = step.events;
  plan.rules.push_back(rule);
  return plan;
}

cep::ExprPtr amount(const cep::Plan& plan) {
  return field_read(*find_field(plan, {EventTypeIndex(0)}, "amount"));
}

// Adds a feature over every pay, shown at the end of the rule's message.
cep::Feature& add_feature(cep::Plan& plan, Aggregate aggregate, FieldIndex key,
                          std::int64_t window_ms) {
  cep::Feature feature;
  feature.name = fmt::format("f{}", plan.features.size());
  feature.aggregate = aggregate;
  feature.type = type_of(TypeKind::kInt);
  if (aggregate != Aggregate::kCount) {
    feature.argument = amount(plan);
    feature.type =
        aggregate == Aggregate::kAvg ? type_of(TypeKind::kFraction) : feature.argument->type;
  }
  feature.events = {{EventTypeIndex(0), nullptr, "pay"}};
  feature.key.parts = {{plan.event_types[0].fields[key.value].name,
                        type_of(TypeKind::kString),
                        {{EventTypeIndex(0), key, ""}}}};
  feature.window.range = cep::LastWindow{cep::Duration{window_ms * 1'000}};
  auto read = std::make_shared<cep::Expr>();
  read->op = cep::Op::kFeature;
  read->type = feature.type;
  read->payload = cep::FeatureRead{cep::FeatureIndex(plan.features.size())};
  plan.features.push_back(feature);
  cep::Rule& rule = plan.rules[0];
  if (!rule.message.empty()) rule.message.push_back({",", nullptr});
  rule.message.push_back({"", read});
  return plan.features.back();
}

struct Pay {
  std::int64_t ms = 0;
  const char* card = nullptr;  // null: missing
  const char* device = nullptr;
  std::optional<std::int64_t> cents;
};
std::vector<oracle::Event> events_of(const std::vector<Pay>& pays) {
  const auto text = [](const char* t) {
    return OwnedValue(t != nullptr ? Value::string(t) : Value::missing());
  };
  std::vector<oracle::Event> events;
  for (const Pay& pay : pays) {
    const cep::EventTime ts{pay.ms * 1'000};
    events.push_back({EventTypeIndex(0),
                      ts,
                      {OwnedValue(Value::time(ts)),
                       OwnedValue(Value::integer(static_cast<std::int64_t>(events.size()))),
                       text(pay.card), text(pay.device),
                       OwnedValue(pay.cents ? Value::decimal(*pay.cents, 2) : Value::missing())}});
  }
  return events;
}

cep::Batch batch_of(const cep::Plan& plan, const std::vector<Pay>& pays) {
  cep::Batch batch(plan);
  for (const oracle::PlacedEvent& event : oracle::place_events(plan, events_of(pays), {})) {
    std::vector<Value> fields;
    for (const OwnedValue& value : event.fields) fields.push_back(value.view());
    batch.append(plan, event.type, event.engine_time, event.ts,
                 {0, static_cast<std::uint32_t>(event.arrival)}, fields);
  }
  return batch;
}

// The messages in order, the same for slices of any size.
std::string messages_of(const cep::Plan& plan, const std::vector<Pay>& pays) {
  const auto program = cep::compile(std::make_shared<const cep::Plan>(plan));
  REQUIRE_MESSAGE(program.has_value(), (program ? "" : program.error().message));
  const auto placed = oracle::place_events(plan, events_of(pays), {});
  std::string first;
  for (const Cut& cut : {Cut{1'000, 1, false}, Cut{1, 2, false}, Cut{2, 3, true}}) {
    std::vector<std::string> messages;
    for (const cep::Alert& alert : run_engine(*program, placed, cep::kEventTimeMax, cut)) {
      messages.push_back(alert.message);
    }
    const std::string joined = fmt::format("{}", fmt::join(messages, " "));
    if (first.empty()) first = joined;
    CHECK(joined == first);
  }
  return first;
}
}  // namespace

TEST_CASE("engine: a window of D has what is younger than D, this event included") {
  cep::Plan plan = pay_plan();
  add_feature(plan, Aggregate::kCount, kCard, 10);
  CHECK(messages_of(plan, {{1, "c", "d", {}},
                           {5, "c", "d", {}},
                           {10, "c", "d", {}},
                           {11, "c", "d", {}},
                           {11, "x", "d", {}},
                           {60, "c", "d", {}}}) == "1 2 3 3 1 1");
}

TEST_CASE("engine: sum and avg leave missing values out, over nothing they are 0 and missing") {
  cep::Plan plan = pay_plan();
  add_feature(plan, Aggregate::kSum, kCard, 10);
  add_feature(plan, Aggregate::kAvg, kCard, 10);
  CHECK(messages_of(plan, {{1, "c", "d", {}},
                           {2, "c", "d", 150},
                           {3, "c", "d", {}},
                           {4, "c", "d", 50},
                           {12, "c", "d", -25}}) ==
        "0.00,missing 1.50,1.500000000 1.50,1.500000000 2.00,1.000000000 0.25,0.125000000");
}

TEST_CASE("engine: sums are exact beyond 64 bits") {
  cep::Plan plan = pay_plan();
  add_feature(plan, Aggregate::kSum, kCard, 10);
  constexpr std::int64_t kMost = 9'223'372'036'854'775'807;
  CHECK(messages_of(plan, {{1, "c", "d", kMost}, {2, "c", "d", kMost}, {11, "c", "d", 1}}) ==
        "92233720368547758.07 184467440737095516.14 92233720368547758.08");
}

TEST_CASE("engine: a feature of another key has its value as of this event") {
  cep::Plan plan = pay_plan();
  add_feature(plan, Aggregate::kCount, kDevice, 10);
  add_feature(plan, Aggregate::kCount, kCard, 10);
  // The third event has no device, the fourth no card: not for the rule, but the device counts it.
  CHECK(messages_of(plan, {{1, "a", "d", {}},
                           {2, "b", "d", {}},
                           {3, "a", nullptr, {}},
                           {3, nullptr, "d", {}},
                           {4, "a", "d", {}},
                           {12, "b", "d", {}}}) == "1,1 2,1 missing,2 4,3 3,1");
}

TEST_CASE("engine: at a deadline a feature has the value of the match's last event") {
  for (const FieldIndex key : {kCard, kDevice}) {
    cep::Plan plan = pay_plan();
    add_feature(plan, Aggregate::kCount, key, 10);
    cep::Rule& rule = plan.rules[0];
    cep::Absence absence;
    absence.events = rule.pattern[0].events();
    absence.where = condition(cep::Op::kIsMissing, {amount(plan)});
    absence.absent_for = cep::Duration{3'000};
    rule.pattern.push_back(absence);
    CHECK(messages_of(plan, {{1, "c", "d", 1}, {2, "c", "d", 1}, {3, "c", "d", 1}}) == "1 2 3");
  }
}

TEST_CASE("engine: `previous` leaves this event out, for rules of its own key and of another") {
  for (const FieldIndex key : {kCard, kDevice}) {
    cep::Plan plan = pay_plan();
    const cep::PreviousWindow previous{cep::Duration{10'000}};
    add_feature(plan, Aggregate::kCount, key, 10).window.range = previous;
    add_feature(plan, Aggregate::kMax, key, 10).window.range = previous;
    cep::Feature& last = add_feature(plan, Aggregate::kLast, key, 10);
    last.window.range = cep::PreviousEverWindow();
    CHECK(messages_of(plan, {{1, "c", "d", 100},
                             {1, "c", "d", 50},
                             {5, "c", "d", {}},
                             {11, "c", "d", 7},
                             {90, "c", "d", 1}}) ==
          "0,missing,missing 1,1.00,1.00 2,1.00,0.50 1,missing,0.50 0,missing,0.07");
  }
}

TEST_CASE("engine: windows of events, tumbling, sessions, panes and needs") {
  cep::Plan plan = pay_plan();
  const auto add = [&](Aggregate aggregate) -> cep::FeatureWindow& {
    return add_feature(plan, aggregate, kCard, 10).window;
  };
  const cep::Duration ten_ms{10'000};
  add(Aggregate::kSum).range = cep::LastEventsWindow{2};
  add(Aggregate::kSum).range = cep::TumblingWindow{ten_ms};
  add(Aggregate::kCount).range = cep::SessionWindow{cep::Duration{4'000}};
  add(Aggregate::kMin).range = cep::LastWindow{ten_ms, {}, cep::Duration{5'000}};
  add(Aggregate::kCount).needs = 3;
  CHECK(messages_of(plan, {{1, "c", "d", 100},
                           {4, "c", "d", 200},
                           {8, "c", "d", 300},
                           {12, "c", "d", 400},
                           {30, "c", "d", 500}}) ==
        "1.00,1.00,1,1.00,missing 3.00,3.00,2,1.00,missing 5.00,6.00,1,1.00,3 "
        "7.00,4.00,1,1.00,3 9.00,5.00,1,5.00,missing");
}

TEST_CASE("engine: first and last of texts, in alerts and across keys") {
  for (const FieldIndex key : {kCard, kDevice}) {
    cep::Plan plan = pay_plan();
    for (const Aggregate aggregate :
         {Aggregate::kFirst, Aggregate::kLast, Aggregate::kMin, Aggregate::kDistinct}) {
      cep::Feature& feature = add_feature(plan, aggregate, key, 10);
      const cep::ExprPtr device =
          field_read(*find_field(plan, {EventTypeIndex(0)}, key == kCard ? "device" : "card"));
      feature.argument = device;
      if (aggregate != Aggregate::kDistinct) feature.type = device->type;
      const_cast<cep::Expr&>(*plan.rules[0].message.back().expr).type = feature.type;
    }
    if (key == kCard) {
      CHECK(messages_of(plan, {{1, "c", "long device name b", {}},
                               {5, "c", "long device name a", {}},
                               {12, "c", "long device name c", {}}}) ==
            "long device name b,long device name b,long device name b,1 "
            "long device name b,long device name a,long device name a,2 "
            "long device name a,long device name c,long device name a,2");
    } else {
      CHECK(messages_of(plan, {{1, "b", "d", {}}, {5, "a", "d", {}}, {12, "c", "d", {}}}) ==
            "b,b,b,1 b,a,a,2 a,c,a,2");
    }
  }
}

TEST_CASE("engine: at a deadline a feature's text is that of the match's last event") {
  cep::Plan plan = pay_plan();
  cep::Feature& feature = add_feature(plan, Aggregate::kLast, kCard, 10);
  const cep::ExprPtr device = field_read(*find_field(plan, {EventTypeIndex(0)}, "device"));
  feature.argument = device;
  feature.type = device->type;
  const_cast<cep::Expr&>(*plan.rules[0].message.back().expr).type = feature.type;
  cep::Rule& rule = plan.rules[0];
  cep::Absence absence;
  absence.events = rule.pattern[0].events();
  absence.where = condition(cep::Op::kIsMissing, {amount(plan)});
  absence.absent_for = cep::Duration{3'000};
  rule.pattern.push_back(absence);
  CHECK(messages_of(plan, {{1, "c", "first device", 1},
                           {2, "c", "second device", 1},
                           {3, "c", "third device", 1}}) ==
        "first device second device third device");
}

TEST_CASE("engine: a feature's events of a key are bounded, the oldest leave") {
  cep::Plan plan = pay_plan();
  add_feature(plan, Aggregate::kSum, kCard, 1'000);
  add_feature(plan, Aggregate::kMax, kCard, 1'000);
  cep::Limits limits;
  limits.feature_events_per_key_max = 2;
  const auto program = cep::compile(std::make_shared<const cep::Plan>(plan), limits);
  REQUIRE(program.has_value());
  cep::Engine engine(*program, 1);
  std::vector<cep::Alert> alerts;
  engine.advance(batch_of(plan, {{1, "c", "d", 500}, {2, "c", "d", 200}, {3, "c", "d", 100}}),
                 cep::EventTime{3'000}, alerts);
  REQUIRE(alerts.size() == 3);
  CHECK(alerts[1].message == "7.00,5.00");
  CHECK(alerts[2].message == "3.00,2.00");
  CHECK(engine.stats().feature_events_lost == 2);
}

TEST_CASE("engine: windows are freed when their events have left") {
  cep::Plan plan = pay_plan();
  add_feature(plan, Aggregate::kDistinct, kCard, 10);
  const auto program = cep::compile(std::make_shared<const cep::Plan>(plan));
  REQUIRE(program.has_value());
  cep::Engine engine(*program, 1);
  std::vector<cep::Alert> alerts;
  std::vector<Pay> pays;
  std::vector<std::string> cards;
  for (int i = 0; i < 1'000; ++i) cards.push_back(fmt::format("card {}", i));
  for (const std::string& card : cards) pays.push_back({1, card.c_str(), "d", 5});
  engine.advance(batch_of(plan, pays), cep::EventTime{1'000}, alerts);
  CHECK(engine.stats().keys == 1'000);
  const std::size_t full = engine.stats().state_bytes;
  engine.advance(cep::Batch(plan), cep::EventTime{100'000'000}, alerts);
  CHECK(engine.stats().keys == 0);
  CHECK(engine.stats().state_bytes < full / 2);
}

TEST_CASE("engine: a key of nine bytes with three events counted takes at most 128 bytes" *
          doctest::skip(is_quick())) {
  constexpr std::uint64_t kKeys = 200'000;
  constexpr std::size_t kSliceRows = 2'000;
  cep::Plan plan = pay_plan();
  add_feature(plan, Aggregate::kCount, kCard, 600'000);
  const auto program = cep::compile(std::make_shared<const cep::Plan>(plan));
  REQUIRE(program.has_value());
  cep::Engine engine(*program, 1);
  std::vector<cep::Alert> alerts;
  cep::Batch batch(plan);
  std::int64_t us = 0;
  for (int event = 0; event < 3; ++event) {
    for (std::uint64_t key = 0; key < kKeys; ++key) {
      const std::string card = fmt::format("{:09}", key);
      ++us;
      batch.append(plan, EventTypeIndex(0), {us}, {us}, {static_cast<std::uint64_t>(us), 0},
                   {Value::time({us}), Value::integer(us), Value::string(card)});
      if (batch.rows.size() < kSliceRows) continue;
      engine.advance(batch, {us}, alerts);
      batch.clear();
      alerts.clear();
    }
  }
  const cep::EngineStats stats = engine.stats();
  CHECK(stats.keys == kKeys);
  CHECK(stats.state_bytes <= 128 * kKeys);
}

TEST_CASE("engine: cuts in bites are whole while tables grow, shrink and move their slots") {
  cep::Plan plan = pay_plan();
  add_feature(plan, Aggregate::kCount, kCard, 30);
  const auto program = cep::compile(std::make_shared<const cep::Plan>(plan));
  REQUIRE(program.has_value());
  // All keys are of two groups, so that cuts often stop within one.
  std::vector<std::string> names;
  constexpr std::size_t kNames = 10'000;
  for (int i = 0; names.size() < kNames; ++i) {
    const std::string name = fmt::format("{}", i);
    const std::vector<Value> parts = {Value::string(name)};
    if (cep::key_group(cep::key_bytes(parts)).value % 512 == 3) names.push_back(name);
  }
  Random random(17);
  cep::Engine in_chunks(*program, 1);
  cep::Engine at_once(*program, 1);
  in_chunks.track_changes();
  at_once.track_changes();
  std::vector<cep::Alert> alerts;
  Snapshot written;
  Snapshot expected;
  std::unique_ptr<EntryMapSink> sink;
  int cuts = 0;
  for (std::int64_t ms = 1; ms <= 1'500; ++ms) {
    // Keys come, stay for a while and go for ever; now and then none comes.
    std::vector<Pay> pays;
    for (std::int64_t i = 0; i < (ms % 500 < 350 ? 8 : 0); ++i) {
      const auto newest = static_cast<std::size_t>(ms * 6);
      pays.push_back({ms, names[newest + random.below(300)].c_str(), "d", 5});
    }
    const cep::Batch batch = batch_of(plan, pays);
    in_chunks.advance(batch, cep::EventTime{ms * 1'000}, alerts);
    at_once.advance(batch, cep::EventTime{ms * 1'000}, alerts);
    alerts.clear();
    if (sink == nullptr) {
      expected = whole_snapshot(at_once);
      written.globals = in_chunks.begin_snapshot();
      sink = std::make_unique<EntryMapSink>(written.entries);
    }
    // A cut takes so long that keys come and go meanwhile.
    if (random.chance(30) && in_chunks.write_snapshot(*sink, random.pick({1, 40, 300}))) {
      REQUIRE(written == expected);
      sink.reset();
      ++cuts;
    }
  }
  CHECK(cuts > 3);
}

TEST_CASE("engine: dead keys go as time passes in small steps, and no other") {
  cep::Plan plan = pay_plan();
  add_feature(plan, Aggregate::kCount, kCard, 1'000);
  const auto program = cep::compile(std::make_shared<const cep::Plan>(plan));
  REQUIRE(program.has_value());
  cep::Engine engine(*program, 1);
  std::vector<cep::Alert> alerts;
  std::vector<std::string> cards;
  for (int i = 0; i < 1'000; ++i) cards.push_back(fmt::format("card {}", i));
  std::vector<Pay> pays;
  for (const std::string& card : cards) pays.push_back({1, card.c_str(), "d", 5});
  engine.advance(batch_of(plan, pays), cep::EventTime{1'000}, alerts);
  // One card in ten goes on.
  std::uint64_t keys = 1'000;
  for (std::int64_t ms = 10; ms <= 5'000; ms += 10) {
    pays.clear();
    if (ms % 500 == 0) {
      for (std::size_t i = 0; i < cards.size(); i += 10) {
        pays.push_back({ms, cards[i].c_str(), "d", 5});
      }
    }
    engine.advance(batch_of(plan, pays), cep::EventTime{ms * 1'000}, alerts);
    CHECK(engine.stats().keys <= keys);
    keys = engine.stats().keys;
    CHECK(keys >= (ms <= 1'000 ? 1'000 : 100));
  }
  CHECK(keys == 100);
  for (std::int64_t ms = 5'010; ms <= 6'500; ms += 10) {
    engine.advance(cep::Batch(plan), cep::EventTime{ms * 1'000}, alerts);
  }
  CHECK(engine.stats().keys == 0);
}

TEST_CASE("engine: few of the keys it holds are dead, and their memory is given back" *
          doctest::skip(is_quick())) {
  cep::Plan plan = pay_plan();
  add_feature(plan, Aggregate::kCount, kCard, 1'000);
  const auto program = cep::compile(std::make_shared<const cep::Plan>(plan));
  REQUIRE(program.has_value());
  cep::Engine engine(*program, 1);
  std::vector<cep::Alert> alerts;
  std::vector<std::string> cards;
  const std::int64_t per_ms = 60;
  for (std::int64_t i = 0; i < 6'000 * per_ms; ++i) cards.push_back(fmt::format("{:09}", i));
  std::uint64_t most_keys = 0;
  std::size_t most_bytes = 0;
  std::vector<Pay> pays;
  for (std::int64_t ms = 0; ms < 6'000; ++ms) {
    pays.clear();
    for (std::int64_t i = 0; i < per_ms; ++i) {
      pays.push_back({ms, cards[static_cast<std::size_t>(ms * per_ms + i)].c_str(), "d", 5});
    }
    // Each key has one event; in the last two windows a tenth as many come.
    if (ms >= 4'000) pays.resize(static_cast<std::size_t>(per_ms / 10));
    engine.advance(batch_of(plan, pays), cep::EventTime{ms * 1'000}, alerts);
    most_keys = std::max(most_keys, engine.stats().keys);
    most_bytes = std::max(most_bytes, engine.stats().state_bytes);
  }
  const auto live = static_cast<std::uint64_t>(1'000 * per_ms);
  CHECK(most_keys >= live);
  CHECK(most_keys <= live * 6 / 5);
  CHECK(engine.stats().keys <= live / 10 * 6 / 5);
  CHECK(engine.stats().state_bytes <= most_bytes / 2);
}

TEST_CASE("engine: long windows keep exact times") {
  cep::Plan plan = pay_plan();
  constexpr std::int64_t kDayMs = 86'400'000;
  add_feature(plan, Aggregate::kCount, kCard, 30 * kDayMs);
  std::vector<Pay> pays;
  for (std::int64_t day = 0; day < 40; ++day) pays.push_back({day * kDayMs, "c", "d", {}});
  const std::string messages = messages_of(plan, pays);
  CHECK(messages.substr(messages.size() - 8) == "30 30 30");
}
}  // namespace tocsin::tests
