// A stream whose parts are taken by one machine and by jobs of stages in turn, each going on from
// the state of the one before through a state folder, gives the alerts of one run over all of it,
// byte for byte, and the same late and dead lines.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/plan/semantics.h"
#include "cep/stage/spread.h"
#include "runtime/job_state/conversion.h"
#include "runtime/job_state/job_folder.h"
#include "runtime/node/node_settings.h"
#include "tests/support/engine_run.h"
#include "tests/support/line_case.h"
#include "tests/support/line_job.h"
#include "tests/support/memory_machine.h"
#include "tests/support/random.h"
#include "tests/support/random_pack.h"

namespace tocsin::tests {
namespace {
using Tally = std::map<std::string, std::size_t>;

std::string stage_of(const cep::StageEdge& edge) {
  if (edge == kJudgesOfJob) return std::string(runtime::kJudgesStage);
  switch (edge.to) {
    case cep::StageEdge::To::kPass:
      return runtime::pass_stage(edge.pass);
    case cep::StageEdge::To::kHold:
      return runtime::hold_stage(edge.pass);
    case cep::StageEdge::To::kAlerts:
      return std::string(runtime::kAlertsStage);
    case cep::StageEdge::To::kIntake:
      break;
  }
  return std::string(runtime::kIntakeStage);
}

// Plays the parts of one stream.
class Relay {
 public:
  Relay(const LineCase& c, const cep::Program& whole, const cep::Program& split, std::uint64_t seed,
        Tally& tally)
      : case_(c), whole_(whole), split_(split), random_(seed), tally_(tally) {
    readings_.resize(c.partitions.size());
  }

  // What went wrong; empty where nothing did.
  std::string run() {
    const std::size_t parts = 2 + random_.below(3);
    bool is_machine = random_.chance(50);
    for (std::size_t part = 0; part < parts && problem_.empty() && !is_over_; ++part) {
      const bool is_last = part + 1 == parts;
      if (is_machine) {
        run_machine(is_last);
      } else {
        run_job(is_last);
      }
      if (problem_.empty() && !is_over_) convert(is_machine);
      is_machine = !is_machine;
    }
    return problem_;
  }
  const LinesGiven& given() const { return given_; }
  bool is_refused() const { return is_refused_; }

 private:
  std::string folder(const char* what) { return fmt::format("disk/{}-{}", what, ++folders_); }

  void run_machine(bool is_last) {
    MemoryMachine machine(world_, folder("data"), whole_, case_.options.intake, case_.options.clock,
                          savepoint_);
    std::vector<std::size_t> open;
    for (std::size_t p = 0; p < readings_.size(); ++p) {
      if (readings_[p].has_ended) continue;
      machine.open(case_.partitions[p].name);
      open.push_back(p);
    }
    std::size_t lines = 0;
    for (const LinePartition& partition : case_.partitions) lines += partition.lines.size();
    for (std::size_t left = is_last ? SIZE_MAX : random_.below(lines + 1);
         left > 0 && !open.empty(); --left) {
      const std::size_t p = random_.pick(open);
      const LinePartition& from = case_.partitions[p];
      if (readings_[p].next == from.lines.size()) {
        machine.end(from.name);
        readings_[p].has_ended = true;
        std::erase(open, p);
      } else {
        machine.take(from.name, from.lines[readings_[p].next++]);
      }
    }
    if (is_last) {
      machine.end_time();
      is_over_ = true;
    } else {
      savepoint_ = machine.savepoint("made");
    }
    append(machine.given());
    ++tally_["machines"];
  }

  void run_job(bool is_last) {
    LineJobOptions options = case_.options;
    options.stop_after = is_last ? 0 : 1 + random_.below(3);
    if (state_) {
      state_->readings = readings_;
      // What was taken already is passed over.
      for (LineReading& reading : state_->readings) {
        if (!reading.has_ended && random_.chance(30))
          reading.next = random_.below(reading.next + 1);
      }
      options.begin = &*state_;
    }
    LineJobOutcome outcome =
        run_line_job(split_, case_.partitions, options, Random(random_.next()));
    problem_ = outcome.problem;
    is_over_ = !outcome.is_stopped;
    LinesGiven given;
    given.alerts = alert_lines(case_.plan, shown_alerts(case_.plan, outcome.alerts));
    given.late = std::move(outcome.late);
    given.dead = std::move(outcome.dead);
    if (!outcome.late_in_intake.empty()) problem_ = "late, and nobody was idle";
    append(given);
    state_ = std::move(outcome.state);
    for (std::size_t p = 0; !is_over_ && p < readings_.size(); ++p) {
      // The cut may have come before it had passed over all that was taken.
      const LineReading& read = state_->readings[p];
      readings_[p] = {std::max(readings_[p].next, read.next), read.has_ended};
    }
    ++tally_["jobs"];
  }

  void append(const LinesGiven& given) {
    for (const auto member : {&LinesGiven::alerts, &LinesGiven::late, &LinesGiven::dead}) {
      (given_.*member)
          .insert((given_.*member).end(), (given.*member).begin(), (given.*member).end());
    }
  }

  void convert(bool is_machine) {
    FixedClock clock(case_.options.clock);
    const runtime::ConversionPorts ports{world_.files, world_.states, clock};
    const std::string state = folder("state");
    Result<runtime::ConvertedState> converted;
    if (is_machine) {
      converted = runtime::job_of_savepoint(ports, split_, {*savepoint_, state, cep::kSemantics});
      state_.emplace();
      if (converted) read_folder(state);
    } else {
      write_folder(state);
      savepoint_ = folder("savepoint");
      runtime::SavepointOfJob options;
      options.from = state;
      options.to = *savepoint_;
      options.timeline.fill(static_cast<std::uint8_t>(1 + folders_));
      options.settings = runtime::settings_of(whole_, {});
      options.texts = {{"rules:a", "rules"}};
      options.batch_bytes = random_.pick<std::size_t>({1, 1'000, 1'000'000});
      options.find_source = [](const std::string& name,
                               std::uint64_t next) -> Result<std::optional<runtime::NodeSource>> {
        runtime::NodeSource source;
        source.name = name;
        source.lines.number = source.next_offset = next == 0 ? 0 : next - 1;
        return std::optional(std::move(source));
      };
      converted = runtime::savepoint_of_job(ports, whole_, options);
    }
    // Of a cut at the end of time nothing goes on, which is said.
    is_refused_ = !converted && converted.error().message.starts_with("time has ended");
    if (is_refused_) {
      is_over_ = true;
      ++tally_["ended"];
      return;
    }
    if (!converted) {
      problem_ = (is_machine ? "export: " : "import: ") + converted.error().message;
      return;
    }
    tally_[is_machine ? "exports" : "imports"] += 1;
    if (converted->waiting > 0) tally_[is_machine ? "exports that wait" : "imports that wait"] += 1;
    if (converted->entries > 0) tally_[is_machine ? "exports with keys" : "imports with keys"] += 1;
  }

  void write_folder(const std::string& to) {
    auto writer = runtime::JobFolderWriter::create(world_.files, to);
    REQUIRE_MESSAGE(writer, writer.error().message);
    for (const auto& [edge, entries] : state_->entries) {
      for (const auto& [place, value] : entries) {
        REQUIRE((*writer)->put(stage_of(edge), {place.first}, place.second, value));
      }
    }
    REQUIRE((*writer)->finish(cep::kSemantics));
  }
  void read_folder(const std::string& from) {
    auto reader = runtime::JobFolderReader::open(world_.files, from, cep::kSemantics);
    REQUIRE_MESSAGE(reader, reader.error().message);
    const cep::SpreadPlan plan = cep::spread_plan(split_);
    std::vector<cep::StageEdge> edges = {
        kJudgesOfJob, {cep::StageEdge::To::kIntake, 0}, {cep::StageEdge::To::kAlerts, 0}};
    for (std::uint32_t pass = 0; pass < plan.passes.size(); ++pass) {
      edges.push_back({cep::StageEdge::To::kPass, pass});
      if (plan.passes[pass].has_hold) edges.push_back({cep::StageEdge::To::kHold, pass});
    }
    for (const cep::StageEdge& edge : edges) {
      const auto read = reader->read(
          stage_of(edge),
          [&](cep::KeyGroup group, std::string_view key, std::string_view value) -> Result<void> {
            state_->entries[edge][{group.value, std::string(key)}] = value;
            return {};
          });
      REQUIRE_MESSAGE(read, read.error().message);
    }
  }

  const LineCase& case_;
  cep::Program whole_;
  cep::Program split_;
  Random random_;
  Tally& tally_;
  MemoryWorld world_;
  std::size_t folders_ = 0;
  std::vector<LineReading> readings_;
  std::optional<LineJobState> state_;
  std::optional<std::string> savepoint_;
  LinesGiven given_;
  bool is_over_ = false;
  bool is_refused_ = false;
  std::string problem_;
};

std::string problem_of(const LineCase& c, std::uint64_t seed, Tally& tally) {
  const auto plan = std::make_shared<const cep::Plan>(c.plan);
  const auto whole = cep::compile(plan, kRarelyExceeded);
  if (!whole) return "compile: " + whole.error().message;
  const auto split = cep::compile_by_pass(plan, kRarelyExceeded);
  if (!split) return "by pass: " + split.error().message;
  if (!cep::spread_obstacles(*split).empty()) return {};
  ++tally["spread"];
  Relay relay(c, *whole, *split, seed, tally);
  std::string problem = relay.run();
  if (!problem.empty() || relay.is_refused()) return problem;
  const LinesGiven expected = run_line_case(*whole, c);
  if (!expected.alerts.empty()) ++tally["alerting"];
  // Deadlines of one time, as ends of days, are in the order of arrival, which partitions do not
  // share.
  const bool in_order = c.partitions.size() == 1;
  problem = difference("alerts", expected.alerts, relay.given().alerts, in_order);
  if (problem.empty()) problem = difference("late lines", expected.late, relay.given().late, false);
  if (problem.empty()) problem = difference("dead lines", expected.dead, relay.given().dead, false);
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

void compare_relays(const LineCaseShape& shape, std::size_t failures) {
  Tally tally;
  const std::size_t cases = for_all_seeds("JOB_STATE", 60, [&](Random& random) {
    LineCase c = random_line_case(random, shape);
    c.options.failures = failures;
    if (random.chance(50)) {  // messages, whose numbers are other ones than their offsets
      for (std::size_t p = 0; p < c.partitions.size(); ++p) {
        c.partitions[p].name = fmt::format("kafka:payments/{}", p);
      }
    }
    for (cep::Rule& rule : c.plan.rules) {
      if (rule.status == cep::Status::kInternal) rule.status = cep::Status::kShadow;
    }
    const std::uint64_t seed = random.next();
    if (problem_of(c, seed, tally).empty()) return;
    const LineCase small = shrink_lines(c, seed);
    FAIL(problem_of(small, seed, tally) << "\nseed " << seed << "\n" << text_of(small));
  });
  std::string what;
  for (const auto& [name, count] : tally) what += fmt::format(", {} {}", count, name);
  MESSAGE(cases << " cases" << what);
  if (cases < 60) return;
  for (const char* const name : {"alerting", "imports with keys", "exports with keys",
                                 "exports that wait", "imports that wait"}) {
    INFO(name);
    CHECK(20 * tally[name] > cases);
  }
}
}  // namespace

TEST_CASE("job state: one partition, by one machine and jobs in turn, gives what one run gives") {
  compare_relays({.partitions_max = 1, .may_be_idle = false}, 0);
}
TEST_CASE("job state: several partitions do too, where their times are apart") {
  compare_relays({.partitions_max = 4, .may_be_idle = false, .has_times_apart = true}, 2);
}
}  // namespace tocsin::tests
