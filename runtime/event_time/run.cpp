#include "runtime/event_time/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "cep/base/assert.h"
#include "cep/eval/computed.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "runtime/event_time/slice_loop.h"
#include "runtime/io/worker_threads.h"

namespace tocsin::runtime {
namespace {
using std::chrono::steady_clock;

// What a reading depends on: event types at their places, without what is computed of them.
cep::Plan read_types(const cep::Plan& plan) {
  cep::Plan types;
  for (const cep::EventType& type : plan.event_types) {
    if (type.is_alert()) {  // never read
      types.event_types.emplace_back();
      continue;
    }
    types.event_types.push_back(type);
    for (cep::Field& field : types.event_types.back().fields) field.computed = nullptr;
  }
  while (!types.event_types.empty() && types.event_types.back().name.empty()) {
    types.event_types.pop_back();
  }
  return types;
}

// What any of several programs reads, by event types that are theirs. Types of alerts have no rows
// there; each has room for the columns that any of the programs has at its place.
class CommonUse {
 public:
  explicit CommonUse(std::span<const ProgramRun> programs) {
    for (const ProgramRun& run : programs) {
      const std::vector<cep::EventType>& types = run.program->plan().event_types;
      for (std::size_t t = 0; t < types.size(); ++t) {
        if (t == plan_.event_types.size()) {
          plan_.event_types.push_back(types[t]);
        } else if (types[t].fields.size() > plan_.event_types[t].fields.size()) {
          plan_.event_types[t] = types[t];
        }
      }
    }
    types_.resize(plan_.event_types.size());
    for (const cep::EventType& type : plan_.event_types) fields_.emplace_back(type.fields.size());
    for (const ProgramRun& run : programs) add(*run.program);
  }
  const cep::Plan& plan() const { return plan_; }
  const std::vector<std::vector<bool>>& fields() const { return fields_; }
  const std::vector<bool>& types() const { return types_; }

 private:
  void add(const cep::Program& program) {
    for (std::size_t t = 0; t < program.used_types().size(); ++t) {
      if (program.plan().event_types[t].is_alert()) continue;
      types_[t] = types_[t] || program.used_types()[t];
      for (std::size_t f = 0; f < program.used_fields()[t].size(); ++f) {
        fields_[t][f] = fields_[t][f] || program.used_fields()[t][f];
      }
    }
  }

  cep::Plan plan_;  // its event types alone
  std::vector<std::vector<bool>> fields_;
  std::vector<bool> types_;
};

// Adds what was measured in other slices, or in `times` as many as they are.
void add_profile(const cep::EngineProfile& some, double times, cep::EngineProfile& sum) {
  const auto add = [times](std::uint64_t count, std::uint64_t& to) {
    to += static_cast<std::uint64_t>(std::llround(static_cast<double>(count) * times));
  };
  for (std::uint64_t cep::EngineProfile::*const count :
       {&cep::EngineProfile::rows, &cep::EngineProfile::counted_rows,
        &cep::EngineProfile::conditions_ns, &cep::EngineProfile::matching_ns,
        &cep::EngineProfile::alerts_ns, &cep::EngineProfile::upkeep_ns}) {
    add(some.*count, sum.*count);
  }
  using Parts = std::vector<cep::EngineProfile::Part>;
  for (Parts cep::EngineProfile::*const parts :
       {&cep::EngineProfile::rules, &cep::EngineProfile::features}) {
    (sum.*parts).resize((some.*parts).size());
    for (std::size_t i = 0; i < (some.*parts).size(); ++i) {
      add((some.*parts)[i].asked, (sum.*parts)[i].asked);
      add((some.*parts)[i].ns, (sum.*parts)[i].ns);
    }
  }
  if (sum.steps.empty()) {
    sum.steps = some.steps;
    for (cep::EngineProfile::StepFit& step : sum.steps) step.rows = 0;
  }
  TOCSIN_ASSERT(sum.steps.size() == some.steps.size(), "the steps are those of the program");
  for (std::size_t i = 0; i < some.steps.size(); ++i) add(some.steps[i].rows, sum.steps[i].rows);
}

// One program while it runs.
class RunningProgram {
 public:
  RunningProgram(const ProgramRun& run, const RunOptions& options)
      : run_(run),
        engine_(options.steps_per_event_max
                    ? run.program->with_steps_per_event_max(*options.steps_per_event_max)
                    : *run.program,
                options.hash_seed, options.workers) {
    summary_.alerts_by_rule.resize(plan().rules.size());
    if (options.profiles || run_.profiled_once_in != 0) summary_.profile.emplace();
    if (summary_.profile && !profiles_samples()) engine_.begin_profile();
  }

  // Finds the slice's alerts, which hand_out() then gives.
  void match(cep::Batch& slice, cep::EventTime watermark) {
    alerts_.clear();
    values_missing_ += cep::fill_computed(*run_.program, slice);
    // Nothing is kept beyond the end of time.
    if (summary_.profile && watermark == cep::kEventTimeMax) {
      summary_.profile->totals = engine_.rule_totals();
    }
    advance_engine(slice, watermark);
    const std::uint64_t before = summary_.profile ? cep::ProfileClock::now() : 0;
    if (run_.upcoming && !alerts_.empty()) run_.upcoming(alerts_);
    if (summary_.profile) summary_.profile->output_ns += cep::ProfileClock::now() - before;
  }

  // Counts alerts in `reading` too, where this is given.
  Result<void> hand_out(RunSummary* reading) {
    const std::uint64_t before = summary_.profile ? cep::ProfileClock::now() : 0;
    for (const cep::Alert& alert : alerts_) {
      count_alert(plan(), alert, summary_);
      if (!run_.alert) continue;
      if (auto taken = run_.alert(alert); !taken) return taken;
    }
    if (summary_.profile) summary_.profile->output_ns += cep::ProfileClock::now() - before;
    if (reading != nullptr) reading->alerts = summary_.alerts;
    return {};
  }

  std::uint64_t state_bytes() const { return engine_.stats().state_bytes; }

  // What it counted itself, with what was counted of the reading.
  RunSummary summary(const RunSummary& reading) {
    RunSummary all = reading;
    all.alerts = summary_.alerts;
    all.undelivered = summary_.undelivered;
    all.budget_alerts = summary_.budget_alerts;
    all.alerts_by_rule = std::move(summary_.alerts_by_rule);
    all.engine = engine_.stats();
    all.engine.values_missing += values_missing_;
    all.steps_exceeded = engine_.steps_exceeded();
    all.profile = std::move(summary_.profile);
    if (all.profile) {
      if (!profiles_samples()) all.profile->engine = engine_.profile();
      if (samples_.rows != 0) {
        const double others = static_cast<double>(other_rows_) / static_cast<double>(samples_.rows);
        add_profile(samples_, others, all.profile->engine);
      }
      if (all.profile->totals.empty()) all.profile->totals = engine_.rule_totals();
    }
    return all;
  }

 private:
  const cep::Plan& plan() const { return run_.program->plan(); }
  bool profiles_samples() const { return run_.profiled_once_in != 0; }

  void advance_engine(const cep::Batch& slice, cep::EventTime watermark) {
    constexpr std::uint64_t kExactSlices = 16;
    const std::uint64_t number = slices_++;
    const bool is_exact = number < kExactSlices;
    if (!is_exact) other_rows_ += slice.rows.size();
    if (!profiles_samples() || (!is_exact && number % run_.profiled_once_in != 0)) {
      engine_.advance(slice, watermark, alerts_);
      return;
    }
    engine_.begin_profile();  // which measures its first slice
    engine_.advance(slice, watermark, alerts_);
    add_profile(engine_.profile(), 1, is_exact ? summary_.profile->engine : samples_);
    engine_.end_profile();
  }

  const ProgramRun& run_;
  cep::Engine engine_;
  std::uint64_t slices_ = 0;          // so far
  std::uint64_t other_rows_ = 0;      // of those that are not profiled exactly
  cep::EngineProfile samples_;        // of some of these
  RunSummary summary_;                // of alerts and the profile
  std::uint64_t values_missing_ = 0;  // of computed fields
  std::vector<cep::Alert> alerts_;
};

// All programs of a run. With threads one of them matches a slice while the next is read and put in
// order; its alerts are handed out before that is matched, by the reading thread.
class RunningPrograms {
 public:
  RunningPrograms(std::span<const ProgramRun> programs, const RunOptions& options,
                  const cep::Plan& read)
      : options_(options), slice_(read) {
    for (const ProgramRun& run : programs) programs_.emplace_back(run, options);
    // A profile says what part of the time each stage takes, one after the other.
    const bool is_profiled =
        options.profiles || std::ranges::any_of(programs, [](const ProgramRun& run) {
          return run.profiled_once_in != 0;
        });
    // With fewer threads all are busy as it is.
    constexpr std::uint32_t kLeast = 4;
    const bool has_threads = options.decode_by != nullptr && options.decode_by->count() >= kLeast;
    if (has_threads && !is_profiled) threads_ = options.decode_by;
  }

  Result<void> advance(cep::Batch& slice, cep::EventTime watermark) {
    if (Result<void> settled = settle(); !settled) return settled;
    if (Result<void> small = check_state(slice.rows.size()); !small) return small;
    // A few rows are matched before a thread has woken for them.
    if (threads_ == nullptr || slice.rows.size() < threads_->rows_of_part_min()) {
      match(slice, watermark);
      return hand_out();
    }
    slice_.clear();
    std::swap(slice_, slice);
    threads_->begin_lead([this, watermark] { match(slice_, watermark); });
    is_under_way_ = true;
    return {};
  }
  // Nothing: no slice is ever under way.
  Settle settling() {
    return threads_ == nullptr ? Settle() : [this] { return settle(); };
  }
  std::vector<RunSummary> summaries() {
    std::vector<RunSummary> all;
    for (RunningProgram& program : programs_) all.push_back(program.summary(reading_));
    return all;
  }
  RunSummary& reading() { return reading_; }

 private:
  void match(cep::Batch& slice, cep::EventTime watermark) {
    for (RunningProgram& program : programs_) program.match(slice, watermark);
  }
  Result<void> hand_out() {
    for (RunningProgram& program : programs_) {
      RunSummary* const counts = &program == &programs_.front() ? &reading_ : nullptr;
      if (auto done = program.hand_out(counts); !done) return done;
    }
    return {};
  }
  Result<void> settle() {
    if (!std::exchange(is_under_way_, false)) return {};
    threads_->join();
    return hand_out();
  }
  // Whether the state of all is within RunOptions::state_bytes_max, now and then.
  Result<void> check_state(std::size_t rows) {
    constexpr std::uint64_t kRowsOfCheck = std::uint64_t{1} << 13;
    rows_unchecked_ += rows;
    if (!options_.state_bytes_max || rows_unchecked_ < kRowsOfCheck) return {};
    rows_unchecked_ = 0;
    std::uint64_t bytes = 0;
    for (const RunningProgram& program : programs_) bytes += program.state_bytes();
    if (bytes <= *options_.state_bytes_max) return {};
    return fail(Errc::kLimit,
                fmt::format("the state of the rules takes {} bytes of memory, and may take {}",
                            bytes, *options_.state_bytes_max));
  }

  const RunOptions& options_;
  std::deque<RunningProgram> programs_;
  RunSummary reading_;
  std::uint64_t rows_unchecked_ = 0;
  WorkerThreads* threads_ = nullptr;  // where slices are matched beside the reading
  cep::Batch slice_;                  // the one under way, or what it was
  bool is_under_way_ = false;
};
}  // namespace

void count_alert(const cep::Plan& plan, const cep::Alert& alert, RunSummary& summary) {
  if (alert.budget) {
    ++summary.budget_alerts;
    return;
  }
  const bool is_live = cep::status_of(plan, alert) == cep::Status::kLive;
  ++(is_live ? summary.alerts : summary.undelivered);
  ++summary.alerts_by_rule[alert.rule.value];
}

bool reads_alike(const cep::Plan& a, const cep::Plan& b) {
  return cep::describe(read_types(a)) == cep::describe(read_types(b));
}

namespace {
using Read =
    std::function<Result<void>(const CommonUse&, RunSummary&, const Advance&, const Settle&)>;

// Runs the programs over what `read` reads for all of them.
Result<std::vector<RunSummary>> run_programs(std::span<const ProgramRun> programs,
                                             const RunOptions& options,
                                             std::vector<RunSummary>* partial, const Read& read) {
  TOCSIN_ASSERT(!programs.empty(), "there is a program to run");
  const auto begin = steady_clock::now();
  const CommonUse use(programs);
  RunningPrograms running(programs, options, use.plan());
  const Advance advance = [&](cep::Batch& slice, cep::EventTime watermark) {
    return running.advance(slice, watermark);
  };
  const Result<void> done = read(use, running.reading(), advance, running.settling());
  running.reading().seconds = std::chrono::duration<double>(steady_clock::now() - begin).count();
  std::vector<RunSummary> summaries = running.summaries();
  if (partial != nullptr) *partial = summaries;
  if (!done) return tl::unexpected(done.error());
  return summaries;
}
}  // namespace

Result<std::vector<RunSummary>> run_together(std::span<const ProgramRun> programs,
                                             const std::vector<Input>& inputs,
                                             const RunOptions& options, const Sinks& sinks,
                                             std::vector<RunSummary>* partial) {
  return run_programs(
      programs, options, partial,
      [&](const CommonUse& use, RunSummary& reading, const Advance& advance, const Settle& settle) {
        return read_slices(use.plan(), use.fields(), use.types(), inputs, options, sinks, reading,
                           advance, settle);
      });
}

Result<std::vector<RunSummary>> run_together(std::span<const ProgramRun> programs,
                                             Arrivals& arrivals, const RunOptions& options,
                                             const Sinks& sinks) {
  return run_programs(
      programs, options, nullptr,
      [&](const CommonUse& use, RunSummary& reading, const Advance& advance, const Settle& settle) {
        return read_arrivals({use.plan(), use.fields(), use.types()}, arrivals, options, sinks,
                             reading, advance, settle);
      });
}

Result<RunSummary> run(const cep::Program& program, const std::vector<Input>& inputs,
                       const RunOptions& options, const Sinks& sinks, RunSummary* partial) {
  const ProgramRun alone{&program, sinks.alert, 0, sinks.upcoming};
  std::vector<RunSummary> so_far;
  Result<std::vector<RunSummary>> done =
      run_together(std::span(&alone, 1), inputs, options, sinks, &so_far);
  if (partial != nullptr) *partial = so_far.front();
  if (!done) return tl::unexpected(done.error());
  return std::move(done->front());
}
}  // namespace tocsin::runtime
