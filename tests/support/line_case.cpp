#include "tests/support/line_case.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/plan/event_type.h"
#include "runtime/event_time/run.h"
#include "runtime/event_time/watermark.h"
#include "runtime/io/side_output_line.h"
#include "tests/support/engine_run.h"
#include "tests/support/event_json.h"
#include "tests/support/line_times.h"
#include "tests/support/oracle.h"
#include "tests/support/random_events.h"
#include "tests/support/random_pack.h"
#include "tests/support/random_plan.h"
#include "tests/support/random_rich.h"

namespace tocsin::tests {
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
                                             const std::vector<oracle::Event>& events,
                                             const LineCaseShape& shape) {
  std::vector<LinePartition> partitions(1 + random.below(shape.partitions_max));
  for (std::size_t i = 0; i < partitions.size(); ++i) partitions[i].name = fmt::format("p{}", i);
  // All times are whole milliseconds, or have this added.
  const auto apart = [&](std::size_t partition) {
    return cep::Duration{shape.has_times_apart ? static_cast<std::int64_t>(partition) : 0};
  };
  for (const oracle::Event& event : events) {
    const auto put = [&](std::size_t partition) {
      oracle::Event moved = event;
      moved.ts = event.ts + apart(partition);
      const cep::FieldIndex time = plan.event_types[event.type.value].time_field;
      moved.fields[time.value] = cep::OwnedValue(cep::Value::time(moved.ts));
      partitions[partition].lines.push_back(event_line(random, plan, moved));
    };
    const std::size_t first = random.below(partitions.size());
    put(first);
    if (random.chance(10)) {  // a repeat, or an equal
      const std::size_t second = random.below(partitions.size());
      if (second == first || !shape.has_times_apart) {
        partitions[second].lines.push_back(partitions[first].lines.back());
      } else {
        put(second);
      }
    }
    if (random.chance(4)) {
      const std::size_t partition = random.below(partitions.size());
      const cep::Duration ahead{1'000'000 * random.between(-5, 40)};
      partitions[partition].lines.push_back(random.pick<std::string>(
          {"", " ", "no event", "{", R"({"type":"nobody","ts":1})", R"({"ts":1})",
           tick_line(event.ts + ahead + apart(partition))}));
    }
  }
  return partitions;
}

}  // namespace

LineCase random_line_case(Random& random, const LineCaseShape& shape) {
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
  c.partitions = random_partitions(random, c.plan, with_repeats(random, c.plan, events), shape);
  add_tick(c.plan);
  runtime::IntakeOptions& intake = c.options.intake;
  intake.policy.bound = random.chance(50) ? runtime::bound_of(c.plan)
                                          : cep::Duration{1'000'000 * random.between(0, 4)};
  c.options.may_be_idle = shape.may_be_idle && random.chance(40);
  if (!c.options.may_be_idle && random.chance(40)) intake.policy.late = runtime::LatePolicy::kClamp;
  if (random.chance(30)) intake.policy.late_max = cep::Duration{1'000'000 * random.between(0, 3)};
  if (random.chance(50)) intake.jump_max = cep::Duration{1'000'000 * random.between(2, 15)};
  c.options.clock = random.pick(events).ts;
  if (random.chance(30)) intake.ahead_max = cep::Duration{1'000'000 * random.between(0, 20)};
  if (random.chance(50)) intake.unknown_types = runtime::UnknownTypes::kDead;
  return c;
}

LinesGiven run_line_case(const cep::Program& program, const LineCase& c) {
  FixedClock clock(c.options.clock);
  const runtime::IntakeOptions& intake = c.options.intake;
  runtime::RunOptions options;
  options.order = runtime::EqualTimeOrder::kPosition;
  options.out_of_orderness = intake.policy.bound;
  options.late = intake.policy.late;
  options.late_max = intake.policy.late_max;
  options.jump_max = intake.jump_max;
  options.ahead_max = intake.ahead_max;
  options.unknown_types = intake.unknown_types;
  options.clock = &clock;
  std::vector<runtime::Input> inputs;
  for (const LinePartition& partition : c.partitions) {
    std::string contents;
    for (const std::string& line : partition.lines) (contents += line) += '\n';
    inputs.push_back({partition.name, contents});
  }
  LinesGiven given;
  std::vector<cep::Alert> alerts;
  runtime::Sinks sinks;
  sinks.alert = [&](const cep::Alert& alert) -> Result<void> {
    alerts.push_back(alert);
    return {};
  };
  sinks.late = [&](const runtime::LateEvent& late) {
    std::string& line = given.late.emplace_back("{");
    runtime::append_late_members(line, late.input, late.line, late.late_by, late.text);
    line += '}';
  };
  sinks.dead_letter = [&](const runtime::DeadLetter& dead) {
    std::string& line = given.dead.emplace_back("{");
    runtime::append_rejected_members(line, dead.input, dead.line, dead.reason, dead.text);
    line += '}';
  };
  REQUIRE(runtime::run(program, inputs, options, sinks).has_value());
  given.alerts = alert_lines(c.plan, alerts);
  return given;
}

std::string difference(const char* what, Lines expected, Lines got, bool in_order) {
  if (!in_order) {
    std::ranges::sort(expected);
    std::ranges::sort(got);
  }
  if (expected == got) return {};
  const auto [a, b] = std::mismatch(expected.begin(), expected.end(), got.begin(), got.end());
  return fmt::format("of {} {} {} came; number {}:\n  run: {}\n  job: {}", expected.size(), what,
                     got.size(), a - expected.begin(), a == expected.end() ? "(no more)" : *a,
                     b == got.end() ? "(no more)" : *b);
}

std::string text_of(const LineCase& c) {
  const runtime::IntakeOptions& intake = c.options.intake;
  std::string text = fmt::format(
      "bound {} clamp {} jump {} idle {} failures {}\n{}", intake.policy.bound.us,
      intake.policy.late == runtime::LatePolicy::kClamp, intake.jump_max ? intake.jump_max->us : -1,
      c.options.may_be_idle, c.options.failures, cep::describe(c.plan));
  if (c.next) {
    text += fmt::format("-- from {} on, judges {}\n{}\n", cep::format_time(c.at),
                        c.options.judges_stay ? "stay" : "change", cep::describe(*c.next));
  }
  for (const LinePartition& partition : c.partitions) {
    for (const std::string& line : partition.lines) {
      text += fmt::format("{}: {}\n", partition.name, line);
    }
  }
  return text;
}
}  // namespace tocsin::tests
