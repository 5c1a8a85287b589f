// A pushed run that is cut at any moment, and goes on from its cuts in another run, gives what one
// run gives: alerts, late and rejected lines, and counts.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cep/data/alert_format.h"
#include "cep/stage/stage_state.h"
#include "rules/context/rules.h"
#include "runtime/pushed/pushed_run.h"
#include "tests/support/event_json.h"
#include "tests/support/plan_source.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/random_plan.h"
#include "tests/support/stage_entry_map.h"

namespace tocsin::tests {
namespace {
struct Push {
  std::size_t source = 0;
  std::string bytes;  // whole lines
};

// A run, with what it put out.
struct Run {
  Run(const cep::Program& program, const runtime::PushedOptions& options)
      : run(program, options, sinks()) {}
  runtime::Sinks sinks() {
    runtime::Sinks sinks;
    sinks.alert = [this](const cep::Alert& alert) -> Result<void> {
      out.push_back("alert " + cep::format_alert(run.program().plan(), alert));
      return {};
    };
    sinks.late = [this](const runtime::LateEvent& late) {
      out.push_back(fmt::format("late {}:{} {}", late.input, late.line, late.text));
    };
    sinks.dead_letter = [this](const runtime::DeadLetter& dead) {
      out.push_back(fmt::format("dead {}:{} {} {}", dead.input, dead.line, dead.reason, dead.text));
    };
    return sinks;
  }
  void take(const Push& push) {
    while (run.source_count() <= push.source) {
      REQUIRE(run.source(fmt::format("s{}", run.source_count())).has_value());
    }
    const runtime::PushedBytes pushed = run.push(push.source, push.bytes);
    REQUIRE(pushed.result.has_value());
    REQUIRE(pushed.taken == push.bytes.size());
  }
  std::vector<std::string> out;
  runtime::PushedRun run;
};

std::string counts_of(const runtime::PushedRun& run) {
  const runtime::RunSummary all = run.summary();
  return fmt::format(
      "lines {} bytes {} events {} dead {} late {} clamped {} repeats {} jumps {} "
      "alerts {} by rule {} missing {}",
      all.lines, all.bytes, all.events, all.dead_letters, all.late, all.clamped, all.repeats,
      all.jumps, all.alerts, fmt::join(all.alerts_by_rule, ","), all.fields_missing,
      all.engine.keys);
}

std::vector<Push> random_pushes(Random& random, const std::string& lines, std::size_t sources) {
  std::vector<Push> pushes;
  for (std::size_t at = 0; at < lines.size();) {
    Push push{random.below(sources), {}};
    for (std::uint64_t left = 1 + random.below(6); left > 0 && at < lines.size(); --left) {
      const std::size_t end = lines.find('\n', at) + 1;
      push.bytes += lines.substr(at, end - at);
      at = end;
    }
    if (random.chance(5)) push.bytes += "no event\n";
    pushes.push_back(std::move(push));
  }
  return pushes;
}

// Moves what there is of the cut; true when it is complete.
bool write_some(Random& random, runtime::PushedRun& run, StageEntryMap& store) {
  StageEntryMapWriter to(store);
  return run.write_cut(to, static_cast<std::size_t>(random.pick({1, 100, 5'000, 1 << 20})));
}

void restore(const StageEntryMap& entries, runtime::PushedRun& run, bool writes_all) {
  const auto report = run.begin_restore(entries.at({0, std::string(1, '\0')}),
                                        entries.at({0, std::string(1, '\1')}));
  REQUIRE(report.has_value());
  CHECK(report->is_same_program);
  for (const auto& [place, value] : entries) {
    if (place.second.size() == 1) continue;
    REQUIRE(run.restore({place.first}, place.second, value).has_value());
  }
  REQUIRE(run.finish_restore().has_value());
  if (writes_all) run.mark_all_changed();
}

runtime::PushedOptions random_options(Random& random) {
  runtime::PushedOptions options;
  options.out_of_orderness = cep::Duration{1'000'000 * random.between(0, 5)};
  if (random.chance(50)) options.late = runtime::LatePolicy::kClamp;
  if (random.chance(30)) options.intake.order = runtime::EqualTimeOrder::kPosition;
  if (random.chance(50)) options.intake.jump_max = cep::Duration{20'000'000};
  return options;
}

// Runs that go on from each other's cuts.
class CutRuns {
 public:
  CutRuns(Random& random, const cep::Program& program, const runtime::PushedOptions& options)
      : random_(random), program_(program), options_(options) {
    options_.keeps_state = true;
    run_ = std::make_unique<Run>(program_, options_);
  }
  void play(const std::vector<Push>& pushes) {
    std::uint64_t failures = random_.below(4);
    for (std::size_t i = 0; i < pushes.size();) {
      run_->take(pushes[i++]);
      if (cutting_ == SIZE_MAX && random_.chance(30)) cut(i);
      if (cutting_ != SIZE_MAX && random_.chance(70)) write();
      if (failures == 0 || !random_.chance(15) || store_.empty()) continue;
      // Until the next cut is complete a store that is written anew is no state.
      failures = fail() ? failures - 1 : 0;
      i = behind_;
    }
    REQUIRE(run_->run.finish(true).has_value());
    out.insert(out.end(), run_->out.begin(), run_->out.end());
  }
  const runtime::PushedRun& last() const { return run_->run; }
  std::vector<std::string> out;  // at first what was put out before the last complete cut
  std::size_t restored = 0;

 private:
  void cut(std::size_t behind) {
    REQUIRE(run_->run.flush().has_value());
    REQUIRE(run_->run.begin_cut().has_value());
    cutting_ = behind;
    taken_ = run_->out.size();
    next_ = store_;
  }
  void write() {
    if (!write_some(random_, run_->run, next_)) return;
    // From here on what was put out up to the cut is the store's.
    const auto end = run_->out.begin() + static_cast<std::ptrdiff_t>(taken_);
    out.insert(out.end(), run_->out.begin(), end);
    run_->out.erase(run_->out.begin(), end);
    store_ = next_;
    behind_ = std::exchange(cutting_, SIZE_MAX);
  }
  // False where the store is written anew.
  bool fail() {
    ++restored;
    run_ = std::make_unique<Run>(program_, options_);
    const bool writes_all = random_.chance(30);
    restore(store_, run_->run, writes_all);
    if (writes_all) store_.clear();
    cutting_ = SIZE_MAX;
    return !writes_all;
  }

  Random& random_;
  const cep::Program& program_;
  runtime::PushedOptions options_;
  std::unique_ptr<Run> run_;
  StageEntryMap store_;
  std::size_t behind_ = 0;  // the push behind the cut that the store has
  // The cut in hand.
  std::size_t cutting_ = SIZE_MAX;  // the push behind it; SIZE_MAX: there is none
  std::size_t taken_ = 0;           // of the run's lines those that came before it
  StageEntryMap next_;
};
}  // namespace

TEST_CASE("pushed runs: one that goes on from its cuts gives what one run gives") {
  std::size_t alerting = 0;
  std::size_t restored = 0;
  const std::size_t cases = for_all_seeds("PUSHED_STATE", 300, [&](Random& random) {
    const cep::Plan plan = random.chance(60) ? random_language_plan(random) : random_plan(random);
    if (!unsayable(plan).empty()) return;
    const std::string rule_text = plan_source(plan);
    const rules::Loaded loaded = rules::load(
        {"random.tocsin"}, [&](const std::string&) -> Result<std::string> { return rule_text; });
    if (!loaded.rules) return;
    const auto program = cep::compile(loaded.rules->plan);
    REQUIRE(program.has_value());
    const std::string lines = event_lines(
        random, plan, random_events(random, plan, {.crowds = 1, .disorder = random.chance(60)}));
    const std::vector<Push> pushes = random_pushes(random, lines, 1 + random.below(3));
    const runtime::PushedOptions options = random_options(random);

    Run whole(*program, options);
    for (const Push& push : pushes) whole.take(push);
    REQUIRE(whole.run.finish(true).has_value());
    if (!whole.out.empty()) ++alerting;
    CutRuns cut(random, *program, options);
    cut.play(pushes);
    restored += cut.restored;
    // Alerts come when they are settled, other lines at once.
    const auto kind = [](const std::string& line) { return line.front(); };
    std::ranges::stable_sort(cut.out, {}, kind);
    std::ranges::stable_sort(whole.out, {}, kind);
    if (cut.out != whole.out) {
      FAIL(fmt::format("{}\n--- one run\n{}\n--- with cuts\n{}", rule_text,
                       fmt::join(whole.out, "\n"), fmt::join(cut.out, "\n")));
    }
    CHECK(counts_of(cut.last()) == counts_of(whole.run));
  });
  MESSAGE(alerting, " put something out, ", restored, " restored");
  CHECK(5 * restored > cases);
}
}  // namespace tocsin::tests
