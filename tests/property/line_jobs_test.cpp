// A job over the lines of partitions, judged and put in order by parts, gives the alerts of one run
// over the same partitions by position, byte for byte, and the same late and dead lines.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/stage/spread.h"
#include "cep/stage/stage_change.h"
#include "runtime/decode/decoder.h"
#include "runtime/stages/front_change.h"
#include "tests/support/engine_run.h"
#include "tests/support/line_case.h"
#include "tests/support/line_job.h"
#include "tests/support/line_reference.h"
#include "tests/support/line_times.h"
#include "tests/support/random.h"
#include "tests/support/random_pack.h"
#include "tests/support/stage_cases.h"

namespace tocsin::tests {
namespace {
// What an idle partition brought too late for the intake moved the partition's own time, and did no
// more: as if it were a tick.
LineCase without_late(const LineCase& c, const cep::Program& program, const Lines& late) {
  LineCase other = c;
  runtime::Decoder decoder(program.plan(), program.used_fields(), program.used_types());
  cep::Batch batch(program.plan());
  decoder.begin(batch);
  for (const std::string& line : late) {
    const std::size_t partition =
        static_cast<std::size_t>(line[std::string("{\"input\":\"p").size()] - '0');
    const std::size_t number =
        std::stoul(line.substr(line.find("\"line\":") + std::string("\"line\":").size()));
    std::string& text = other.partitions.at(partition).lines.at(number - 1);
    std::string padded = text + std::string(runtime::kLinePadding, '\n');
    const runtime::Decoded decoded =
        decoder.decode(std::string_view(padded).substr(0, text.size()));
    REQUIRE(decoded.kind == runtime::LineKind::kEvent);
    if (decoded.used) decoder.drop();
    text = tick_line(decoded.ts);
  }
  return other;
}

// Some types of events that come from outside have one field more, or are `unique` from then on, or
// no longer.
void change_types(Random& random, cep::Plan& plan, bool may_be_unique) {
  for (cep::EventType& type : plan.event_types) {
    if (type.is_alert()) continue;
    if (random.chance(40)) {
      cep::Field field;
      field.name = fmt::format("added_{}", type.fields.size());
      const cep::Field& other = type.fields[random.below(type.fields.size())];
      field.path = {random.chance(50) && !other.path.empty() ? other.path.front() : field.name};
      field.type.kind = cep::TypeKind::kString;
      field.optional = true;
      type.fields.push_back(std::move(field));
    }
    if (!type.id_field || !may_be_unique || !random.chance(30)) continue;
    if (type.unique) {
      type.unique.reset();
    } else {
      type.unique.emplace();
    }
  }
}

LineCase random_changing_case(Random& random) {
  LineCase c = random_line_case(random);
  c.plan.event_types.pop_back();  // the tick
  c.next = changed_plan(random, c.plan);
  for (const cep::EventType& type : c.plan.event_types) {
    if (type.is_alert()) continue;
    const auto other = std::ranges::find(c.next->event_types, type.name, &cep::EventType::name);
    if (other != c.next->event_types.end()) other->unique = type.unique;
  }
  change_types(random, *c.next, c.options.intake.policy.late != runtime::LatePolicy::kClamp);
  add_tick(c.plan);
  add_tick(*c.next);
  std::vector<cep::EventTime> times;
  const auto plan = std::make_shared<const cep::Plan>(c.plan);
  if (const auto program = cep::compile(plan, kRarelyExceeded)) {
    for (const LinePartition& partition : c.partitions) {
      for_each_line(*program, partition.lines, [&](std::size_t, const runtime::Decoded& line) {
        if (line.kind == runtime::LineKind::kEvent) times.push_back(line.ts);
        return true;
      });
    }
  }
  if (!times.empty()) c.at = random.pick(times);
  c.at.us += random.pick<std::int64_t>({0, 0, 0, 1, -1, 1'000'000});
  c.options.judges_stay = random.chance(40);
  Case data;
  data.plan = c.plan;
  for (const cep::EventTime time : times) data.events.emplace_back().engine_time = time;
  c.options.data = random_data_change(random, data);
  if (c.options.data && random.chance(30)) c.options.data->at = c.at;
  return c;
}

// Whether a type that was not used, or not `unique`, is so from the change on.
bool begins_ids(const cep::Program& before, const cep::Program& next) {
  for (const cep::EventType& type : next.plan().event_types) {
    if (!type.unique) continue;
    const auto& types = before.plan().event_types;
    const auto known = std::ranges::find(types, type.json_type, &cep::EventType::json_type);
    const auto place = static_cast<std::size_t>(known - types.begin());
    if (!known->unique || !before.used_types()[place]) return true;
  }
  return false;
}

using Tally = std::map<std::string, std::size_t>;
std::string problem_of(const LineCase& c, std::uint64_t seed, Tally& tally) {
  const auto plan = std::make_shared<const cep::Plan>(c.plan);
  const auto whole = cep::compile(plan, kRarelyExceeded);
  if (!whole) return "compile: " + whole.error().message;
  const auto split = cep::compile_by_pass(plan, kRarelyExceeded);
  if (!split) return "by pass: " + split.error().message;
  if (!cep::spread_obstacles(*split).empty()) return {};
  ++tally["spread"];
  LineJobOptions options = c.options;
  if (c.next) {
    const auto next_plan = std::make_shared<const cep::Plan>(*c.next);
    const auto next = cep::compile_by_pass(next_plan, kRarelyExceeded);
    const auto judges = static_cast<runtime::JudgesChange>(!c.options.judges_stay);
    if (!next || !cep::check_change(*split, *next) ||
        !runtime::check_front_change(c.plan, *c.next, judges)) {
      return {};
    }
    if (c.options.intake.policy.late == runtime::LatePolicy::kClamp && begins_ids(*split, *next)) {
      return {};  // the reference knows ids by events' own times
    }
    options.rules = RuleChange{c.at, *next};
    ++tally["changing"];
    if (options.data) ++tally["with lists"];
  }
  const LineJobOutcome job = run_line_job(*split, c.partitions, options, Random(seed));
  if (!job.problem.empty()) return job.problem;
  const LineCase seen = without_late(c, *whole, job.late_in_intake);
  const LinesGiven expected = c.next ? run_lines(*split, seen.partitions, options, {*options.rules})
                                     : run_line_case(*whole, seen);
  if (!expected.problem.empty()) return expected.problem;
  if (c.next) {
    const cep::Plan& next = options.rules->next.plan();
    if (expected.alerts != run_lines(*split, seen.partitions, c.options, {}).alerts) {
      ++tally["matters"];
    }
    if (job.restored_before > 0) ++tally["restored while it waits"];
    if (job.restored_after > 0) ++tally["restored behind it"];
    const std::string problem =
        difference("alerts", expected.alerts, lines_of(c.plan, &next, c.at, job.alerts), true);
    if (!problem.empty()) return problem;
  }
  if (!expected.alerts.empty()) ++tally["alerting"];
  if (!expected.late.empty()) ++tally["late"];
  if (!expected.dead.empty()) ++tally["dead"];
  if (!job.late_in_intake.empty()) ++tally["late in the intake"];
  if (job.restored > 0) ++tally["restored"];
  if (job.waiting > 0) ++tally["restored with waiting lines"];
  if (job.ids > 0) ++tally["restored with ids"];
  if (!c.options.may_be_idle && !job.late_in_intake.empty()) return "late, and nobody was idle";
  std::string problem =
      c.next ? std::string()
             : difference("alerts", expected.alerts, alert_lines(c.plan, job.alerts), true);
  if (problem.empty()) problem = difference("late lines", expected.late, job.late, false);
  if (problem.empty()) problem = difference("dead lines", expected.dead, job.dead, false);
  return problem;
}

// Lines are left out as long as something differs.
LineCase shrink_lines(LineCase c, std::uint64_t seed) {
  Tally tally;
  for (LinePartition& partition : c.partitions) {
    for (std::size_t i = partition.lines.size(); i > 0; --i) {
      std::string line = std::exchange(partition.lines[i - 1], "");
      if (problem_of(c, seed, tally).empty()) partition.lines[i - 1] = std::move(line);
    }
  }
  return c;
}

void compare_jobs(std::size_t failures, bool changes) {
  Tally tally;
  const std::size_t cases = for_all_seeds("LINE_JOBS", 200, [&](Random& random) {
    LineCase c = changes ? random_changing_case(random) : random_line_case(random);
    c.options.failures = failures;
    const std::uint64_t seed = random.next();
    if (problem_of(c, seed, tally).empty()) return;
    const LineCase small = shrink_lines(c, seed);
    FAIL(problem_of(small, seed, tally) << "\n" << text_of(small));
  });
  std::string what;
  for (const auto& [name, count] : tally) what += fmt::format(", {} {}", count, name);
  MESSAGE(cases << " cases" << what);
  if (cases < 200) return;
  for (const char* const name : {"alerting", "late", "dead", "late in the intake"}) {
    INFO(name);
    CHECK(20 * tally[name] > cases);
  }
  for (const char* const name : {"restored", "restored with waiting lines"}) {
    INFO(name);
    CHECK((failures == 0 || 20 * tally[name] > cases));
  }
  CHECK((failures == 0 || 100 * tally["restored with ids"] > cases));
  if (changes) {
    CHECK(2 * tally["changing"] > cases);
    CHECK(5 * tally["matters"] > cases);
    CHECK((failures == 0 || 40 * tally["restored while it waits"] > cases));
    CHECK((failures == 0 || tally["restored behind it"] > 0));
  }
}
}  // namespace

TEST_CASE("line jobs: a job over partitions gives what one run over them gives by position") {
  compare_jobs(0, false);
}
TEST_CASE("line jobs: so does one that goes on from cuts, in other parts") {
  compare_jobs(3, false);
}
TEST_CASE("line jobs: rules change at a time as those of one machine do") { compare_jobs(0, true); }
TEST_CASE("line jobs: so do those of one that goes on from cuts, before and behind the change") {
  compare_jobs(3, true);
}
}  // namespace tocsin::tests
