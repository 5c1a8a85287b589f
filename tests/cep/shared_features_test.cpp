// Features that share the events of a key: each says what it would say alone, and takes few bytes.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/engine/engine.h"
#include "cep/engine/key_report.h"
#include "cep/plan/feature.h"
#include "cep/plan/limits.h"
#include "cep/plan/rule.h"
#include "tests/cep/plan_builder.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using cep::Value;

// ---- features as they are meant

struct Event {
  std::int64_t ms = 0;
  bool is_transfer = false;
  int card = 0;
  int device = 0;
  std::optional<std::int64_t> amount;
};
struct Spec {
  bool is_count = true;
  bool is_previous = false;
  std::int64_t window_ms = 1;
  std::int64_t from_amount = -1;  // those of at least that much; -1: all
  int device = -1;                // those of this device; -1: all. Transfers have none
  bool has_pays = true;
  bool has_transfers = false;

  bool takes(const Event& event) const {
    if (!(event.is_transfer ? has_transfers : has_pays)) return false;
    if (from_amount >= 0 && (!event.amount || *event.amount < from_amount)) return false;
    return (device < 0 || event.device == device) && (is_count || event.amount);
  }
  // After these events of a card, the last of which is the current one, at a time.
  std::int64_t value(const std::vector<Event>& events, std::int64_t now_ms, bool is_at_event,
                     std::uint64_t events_max) const {
    std::int64_t sum = 0;
    std::uint64_t count = 0;
    const std::size_t end = events.size() - (is_previous && is_at_event ? 1 : 0);
    for (std::size_t i = end; i-- > 0 && events[i].ms > now_ms - window_ms && count < events_max;) {
      if (!takes(events[i])) continue;
      sum += events[i].amount.value_or(0);
      ++count;
    }
    return is_count ? static_cast<std::int64_t>(count) : sum;
  }
};

Spec random_spec(Random& random, std::int64_t longest_ms) {
  Spec spec;
  spec.is_count = random.chance(50);
  spec.is_previous = random.chance(25);
  spec.window_ms = random.chance(30) ? random.between(1, 5) : random.between(1, longest_ms);
  if (random.chance(40)) spec.from_amount = random.between(0, 9);
  if (random.chance(15)) spec.has_transfers = true;
  if (spec.has_transfers && random.chance(50)) spec.has_pays = false;
  if (!spec.has_transfers && random.chance(25)) {
    spec.device = static_cast<int>(random.between(0, 2));
  }
  return spec;
}

// The features, and a rule that shows all of them at each pay.
cep::Plan plan_of(const std::vector<Spec>& specs) {
  PlanBuilder builder;
  const cep::KeySpec key =
      builder.key("card", {{"pay", "card", ""}, {"transfer", "from_account", ""}});
  const cep::KeySpec own = builder.key("card", {{"pay", "card", ""}});
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const Spec& spec = specs[i];
    std::vector<cep::Subset> events;
    std::vector<std::string> types;
    if (spec.has_pays) {
      events.push_back(builder.kind("pay"));
      types.emplace_back("pay");
    }
    if (spec.has_transfers) {
      events.push_back(builder.kind("transfer"));
      types.emplace_back("transfer");
    }
    const cep::ExprPtr amount = builder.field("amount", types);
    std::vector<cep::ExprPtr> conditions;
    if (spec.from_amount >= 0) {
      conditions.push_back(
          condition(cep::Op::kGreaterEqual, {amount, int_literal(spec.from_amount)}));
    }
    if (spec.device >= 0) {
      const cep::ExprPtr device = builder.field("device", types);
      conditions.push_back(condition(
          cep::Op::kEqual,
          {device, literal(device->type, Value::string(fmt::format("d{}", spec.device)))}));
    }
    cep::Feature& feature = builder.count(fmt::format("f{}", i), events, key, spec.window_ms,
                                          conditions.empty() ? nullptr : all_of(conditions));
    if (spec.is_previous) {
      feature.window.range = cep::PreviousWindow{cep::Duration{spec.window_ms * 1'000}};
    }
    if (spec.is_count) continue;
    feature.aggregate = cep::Aggregate::kSum;
    feature.argument = amount;
    feature.type = amount->type;
  }
  cep::Rule& rule = builder.rule("r", own, {{builder.kind("pay")}});
  for (std::size_t i = 0; i < specs.size(); ++i) {
    PlanBuilder::show(rule, i == 0 ? "" : ",", builder.read(fmt::format("f{}", i)));
  }
  return builder.plan;
}

std::vector<Event> random_events(Random& random, std::size_t count) {
  std::vector<Event> events;
  std::int64_t ms = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Event event;
    if (random.chance(60)) ms += random.between(0, random.chance(3) ? 200 : 3);
    // Now and then farther than times of 32 bits reach.
    if (random.chance(1)) ms += 3'000'000;
    event.ms = ms;
    event.is_transfer = random.chance(15);
    event.card = random.chance(80) ? 0 : 1;
    event.device = event.is_transfer ? -2 : static_cast<int>(random.between(0, 2));
    if (random.chance(90)) event.amount = random.between(0, 9);
    events.push_back(event);
  }
  return events;
}

void append(const cep::Plan& plan, const Event& event, std::uint64_t number, cep::Batch& batch) {
  const cep::EventTime time{event.ms * 1'000};
  const std::string card = fmt::format("c{}", event.card);
  const std::string device = fmt::format("d{}", event.device);
  batch.append(
      plan, cep::EventTypeIndex(event.is_transfer ? 1 : 0), time, time, {number, 0},
      {Value::time(time), Value::integer(static_cast<std::int64_t>(number)), Value::string(card),
       Value::string(device), event.amount ? Value::integer(*event.amount) : Value::missing()});
}

std::string meant_of(const std::vector<Spec>& specs, const std::vector<Event>& of_card,
                     std::int64_t now_ms, bool is_at_event, std::uint64_t events_max) {
  std::vector<std::int64_t> values;
  for (const Spec& spec : specs) {
    values.push_back(spec.value(of_card, now_ms, is_at_event, events_max));
  }
  return fmt::format("{}", fmt::join(values, ","));
}

std::string reported_of(cep::Engine& engine, const cep::Program& program) {
  const auto queries = cep::find_keys(program, {{"card", "c0"}});
  REQUIRE_MESSAGE(queries.has_value(), (queries ? "" : queries.error().message));
  std::vector<std::string> values;
  for (const cep::KeyQuery& query : *queries) {
    for (const cep::ReportedFeature& feature : engine.report(query).features) {
      values.push_back(fmt::format("{}", static_cast<std::int64_t>(feature.value.view().number)));
    }
  }
  return fmt::format("{}", fmt::join(values, ","));
}

// One case: the same features from an engine that goes on, and from engines restored here and
// there.
void run_case(Random& random, std::size_t event_count, std::int64_t longest_ms,
              std::size_t features_max) {
  std::vector<Spec> specs;
  const std::size_t features = 1 + random.below(features_max);
  for (std::size_t i = 0; i < features; ++i) specs.push_back(random_spec(random, longest_ms));
  // Windows that go together: equal conditions, other lengths.
  for (std::size_t i = 1; i < features; ++i) {
    if (!random.chance(40)) continue;
    const std::int64_t window = specs[i].window_ms;
    specs[i] = specs[random.below(i)];
    specs[i].window_ms = window;
  }
  cep::Limits limits;
  if (random.chance(25)) limits.feature_events_per_key_max = random.below(6) + 1;
  auto program = cep::compile(std::make_shared<const cep::Plan>(plan_of(specs)), limits);
  REQUIRE_MESSAGE(program.has_value(), (program ? "" : program.error().message));
  const cep::Plan& plan = program->plan();
  const std::vector<Event> events = random_events(random, event_count);
  auto engine = std::make_unique<cep::Engine>(*program, random.next());
  engine->track_changes();
  std::vector<std::string> meant;
  std::vector<cep::Alert> alerts;
  std::vector<Event> of_card[2];
  cep::Batch batch(plan);
  const std::size_t restores = random.pick({0, 3, 30});
  for (std::size_t i = 0; i < events.size();) {
    batch.clear();
    const std::size_t rows = 1 + random.below(random.chance(20) ? 40 : 4);
    for (std::size_t end = std::min(events.size(), i + rows); i < end; ++i) {
      std::vector<Event>& own = of_card[events[i].card];
      own.push_back(events[i]);
      if (!events[i].is_transfer) {
        meant.push_back(
            meant_of(specs, own, events[i].ms, true, limits.feature_events_per_key_max));
      }
      append(plan, events[i], i, batch);
    }
    const std::int64_t now = events[i - 1].ms;
    engine->advance(batch, {now * 1'000}, alerts);
    if (random.chance(10)) {
      REQUIRE(reported_of(*engine, *program) ==
              meant_of(specs, of_card[0], now, false, limits.feature_events_per_key_max));
    }
    if (!random.chance(restores)) continue;
    const Snapshot snapshot = whole_snapshot(*engine);
    Result<cep::Engine> restored = restored_engine(*program, random.next(), snapshot);
    REQUIRE_MESSAGE(restored.has_value(), (restored ? "" : restored.error().message));
    REQUIRE(whole_snapshot(*restored).entries == snapshot.entries);
    engine = std::make_unique<cep::Engine>(std::move(*restored));
  }
  REQUIRE(alerts.size() == meant.size());
  for (std::size_t i = 0; i < alerts.size(); ++i) {
    CAPTURE(i);
    REQUIRE(alerts[i].message == meant[i]);
  }
}

// ---- what they cost

enum class Kind { kAlike, kByLength, kByWhere, kByBoth };
struct Shape {
  bool is_sum;
  Kind kind;
};

cep::Program features_of(const Shape& shape, std::size_t count) {
  PlanBuilder builder;
  const cep::KeySpec key = builder.key("card", {{"pay", "card", ""}});
  const cep::ExprPtr amount = builder.field("amount", {"pay"});
  for (std::size_t i = 0; i < count; ++i) {
    const bool by_where = shape.kind == Kind::kByWhere || shape.kind == Kind::kByBoth;
    const bool by_length = shape.kind == Kind::kByLength || shape.kind == Kind::kByBoth;
    const auto step = static_cast<std::int64_t>(i);
    const cep::ExprPtr where =
        by_where ? condition(cep::Op::kGreaterEqual, {amount, int_literal(step)}) : nullptr;
    cep::Feature& feature = builder.count(fmt::format("f{}", i), {builder.kind("pay")}, key,
                                          600'000 + (by_length ? step : 0), where);
    if (!shape.is_sum) continue;
    feature.aggregate = cep::Aggregate::kSum;
    feature.argument = amount;
    feature.type = amount->type;
  }
  cep::Rule& rule = builder.rule("r", key, {{builder.kind("pay")}});
  PlanBuilder::show(rule, "", builder.read(fmt::format("f{}", count - 1)));
  auto program = cep::compile(std::make_shared<const cep::Plan>(builder.plan));
  REQUIRE_MESSAGE(program.has_value(), (program ? "" : program.error().message));
  return std::move(*program);
}

// Bytes of state of so many keys, each with so many events, amounts from 0 to 999.
std::size_t bytes_of(const cep::Program& program, std::size_t keys, std::size_t events) {
  cep::Engine engine(program, 1);
  const std::size_t empty = engine.stats().state_bytes;
  std::vector<cep::Alert> alerts;
  cep::Batch batch(program.plan());
  std::uint64_t number = 0;
  Random random(7);
  for (std::size_t event = 0; event < events; ++event) {
    const std::int64_t amount = random.between(0, 999);
    for (std::size_t k = 0; k < keys; ++k) {
      Event row;
      row.ms = static_cast<std::int64_t>(event);
      row.card = static_cast<int>(k);
      row.amount = event == 0 ? 999 : amount;
      append(program.plan(), row, ++number, batch);
    }
    engine.advance(batch, {static_cast<std::int64_t>(event) * 1'000}, alerts);
    batch.clear();
    alerts.clear();
  }
  return engine.stats().state_bytes - empty;
}
}  // namespace

TEST_CASE("shared features: each says what it would say alone, restored anywhere") {
  for_all_seeds("shared_features", 300, [](Random& random) { run_case(random, 60, 40, 8); });
}

TEST_CASE("shared features: long windows, of which some hold few events and some many") {
  for_all_seeds("shared_features_long", 40,
                [](Random& random) { run_case(random, 1'500, 2'000, 12); });
}

TEST_CASE("shared features: 1,000 of one key take at most 100 bytes each beside their events" *
          doctest::skip(is_quick())) {
  constexpr std::size_t kKeys = 4;
  constexpr std::size_t kFeatures = 1'000;
  for (const bool is_sum : {false, true}) {
    for (const Kind kind : {Kind::kAlike, Kind::kByLength, Kind::kByWhere, Kind::kByBoth}) {
      const Shape shape{is_sum, kind};
      CAPTURE(is_sum);
      CAPTURE(static_cast<int>(kind));
      const cep::Program program = features_of(shape, kFeatures);
      for (const std::size_t events : {1, 10, 100, 1'000}) {
        CAPTURE(events);
        const bool has_bits = kind == Kind::kByWhere || kind == Kind::kByBoth;
        // An event: its time and its value; for each condition at most four bits. A ring, a list
        // of bits and the record itself have up to half as much room beside what they hold.
        const std::size_t ring = events * 16 * 3;
        const std::size_t bits = has_bits ? events * kFeatures / 2 * 3 / 2 : 0;
        const std::size_t bytes = bytes_of(program, kKeys, events);
        CAPTURE(bytes / (kKeys * kFeatures));
        CHECK(bytes <= kKeys * (kFeatures * 100 + ring + bits + 2'000));
      }
    }
  }
}
}  // namespace tocsin::tests
