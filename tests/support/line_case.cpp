#include "tests/support/line_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "runtime/event_time/watermark.h"
#include "tests/support/event_json.h"
#include "tests/support/oracle.h"
#include "tests/support/random_events.h"
#include "tests/support/random_pack.h"
#include "tests/support/random_plan.h"
#include "tests/support/random_rich.h"

namespace tocsin::tests {
namespace {
constexpr const char* kTick = "tick of nobody";

// A type that nothing uses: its events move time and do no more.
void add_tick(cep::Plan& plan) {
  cep::EventType tick;
  tick.name = "tick_of_nobody";
  tick.json_type = kTick;
  cep::Field ts;
  ts.name = "ts";
  ts.path = {"ts"};
  ts.type.kind = cep::TypeKind::kTime;
  tick.fields.push_back(ts);
  plan.event_types.push_back(tick);
}
}  // namespace

std::string tick_line(cep::EventTime ts) {
  return fmt::format(R"({{"type":"{}","ts":"{}"}})", kTick, cep::format_time(ts));
}

namespace {
// Some come again later, with their id.
std::vector<oracle::Event> with_repeats(Random& random, const cep::Plan& plan,
                                        const std::vector<oracle::Event>& events) {
  std::vector<oracle::Event> all;
  for (std::size_t i = 0; i < events.size(); ++i) {
    all.push_back(events[i]);
    if (!random.chance(25)) continue;
    oracle::Event again = events[random.below(i + 1)];
    again.ts = events[i].ts;
    const cep::FieldIndex time = plan.event_types[again.type.value].time_field;
    again.fields[time.value] = cep::OwnedValue(cep::Value::time(again.ts));
    all.push_back(std::move(again));
  }
  return all;
}

std::vector<LinePartition> random_partitions(Random& random, const cep::Plan& plan,
                                             const std::vector<oracle::Event>& events) {
  std::vector<LinePartition> partitions(1 + random.below(4));
  for (std::size_t i = 0; i < partitions.size(); ++i) partitions[i].name = fmt::format("p{}", i);
  const auto some = [&]() -> std::vector<std::string>& {
    return partitions[random.below(partitions.size())].lines;
  };
  for (const oracle::Event& event : events) {
    const std::string line = event_line(random, plan, event);
    some().push_back(line);
    if (random.chance(10)) some().push_back(line);  // a repeat, or an equal
    if (random.chance(4)) {
      some().push_back(random.pick<std::string>(
          {"", " ", "no event", "{", R"({"type":"nobody","ts":1})", R"({"ts":1})",
           tick_line(event.ts + cep::Duration{1'000'000 * random.between(-5, 40)})}));
    }
  }
  return partitions;
}

}  // namespace

LineCase random_line_case(Random& random) {
  LineCase c;
  c.plan = random.chance(25) ? random_plan(random, {.data = true, .rich_features = true})
                             : random_pack(random);
  for (cep::EventType& type : c.plan.event_types) {
    if (type.is_alert() || !type.id_field || !random.chance(60)) continue;
    type.unique.emplace();
    if (random.chance(50)) type.unique->within = cep::Duration{1'000'000 * random.between(1, 20)};
  }
  const std::vector<oracle::Event> events =
      random_events(random, c.plan, {.count_max = 80, .crowds = 5, .disorder = random.chance(60)});
  c.partitions = random_partitions(random, c.plan, with_repeats(random, c.plan, events));
  add_tick(c.plan);
  runtime::IntakeOptions& intake = c.options.intake;
  intake.policy.bound = random.chance(50) ? runtime::bound_of(c.plan)
                                          : cep::Duration{1'000'000 * random.between(0, 4)};
  c.options.may_be_idle = random.chance(40);
  if (!c.options.may_be_idle && random.chance(40)) intake.policy.late = runtime::LatePolicy::kClamp;
  if (random.chance(30)) intake.policy.late_max = cep::Duration{1'000'000 * random.between(0, 3)};
  if (random.chance(50)) intake.jump_max = cep::Duration{1'000'000 * random.between(2, 15)};
  c.options.clock = random.pick(events).ts;
  if (random.chance(30)) intake.ahead_max = cep::Duration{1'000'000 * random.between(0, 20)};
  if (random.chance(50)) intake.unknown_types = runtime::UnknownTypes::kDead;
  return c;
}
}  // namespace tocsin::tests
