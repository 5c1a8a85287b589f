#include "api/backtest/backtest.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/backtest/alert_value.h"
#include "cep/plan/plan.h"

namespace tocsin::api {
namespace {
// Slices of 2,048 events. A whole profile costs an eighth of the speed of a run.
constexpr std::uint64_t kProfiledOnceIn = 64;
}  // namespace

std::optional<std::string> nothing_to_run(const RuleSet& set) {
  if (!set.loaded.program->plan().rules.empty()) return std::nullopt;
  return fmt::format("there is no rule to run in {}: `status draft` leaves a rule out",
                     fmt::join(set.named, ", "));
}

std::optional<std::string> why_no_value(std::string_view field, const BacktestRules& rules) {
  std::vector<const cep::Plan*> plans = {&rules.fresh.loaded.program->plan()};
  if (rules.old) plans.push_back(&rules.old->loaded.program->plan());
  return why_no_value(field, plans);
}

Backtest::Backtest(const BacktestRules& rules, const TallyOptions& tally)
    : rules_(rules), value_(tally.value) {
  TallyOptions compared = tally;
  if (rules.old) {
    changed_.emplace(
        rules_of_both(rules.fresh.loaded.program->plan(), rules.old->loaded.program->plan()),
        tally.samples);
    compared.changed = &*changed_;
  }
  sets_.emplace_back(*rules.fresh.loaded.program, labels(), compared);
  if (rules.old) {
    compared.set = ChangedSamples::Set::kOld;
    sets_.emplace_back(*rules.old->loaded.program, labels(), compared);
  }
  if (rules.varied && rules.varied->program) {
    TallyOptions without_samples = tally;
    without_samples.samples = 0;
    sets_.emplace_back(*rules.varied->program, labels(), without_samples);
    sets_.back().is_profiled = false;
  }
  for (Set& set : sets_) {
    const auto alike = std::ranges::find_if(readings_, [&](const std::vector<Set*>& reading) {
      return runtime::reads_alike(reading.front()->program.plan(), set.program.plan());
    });
    (alike == readings_.end() ? readings_.emplace_back() : *alike).push_back(&set);
  }
}

Result<void> Backtest::run(const BacktestInput& input, const runtime::RunOptions& options,
                           const runtime::Sinks& sinks) {
  inputs_ = input.names;
  for (std::size_t i = 0; i < readings_.size(); ++i) {
    if (Result<void> done = read(i, input, options, sinks); !done) return done;
  }
  return {};
}

Result<void> Backtest::read(std::size_t number, const BacktestInput& input,
                            const runtime::RunOptions& options, const runtime::Sinks& sinks) {
  const std::vector<Set*>& sets = readings_[number];
  std::vector<runtime::ProgramRun> programs;
  for (Set* const set : sets) {
    const auto taken = set == &sets_.front() ? sinks.alert : nullptr;
    programs.push_back({&set->program,
                        [set, taken](const cep::Alert& alert) {
                          set->tally.add(alert);
                          return taken ? taken(alert) : Result<void>();
                        },
                        set->is_profiled ? kProfiledOnceIn : 0});
  }
  runtime::Sinks own;
  if (number == 0) {
    own.note = sinks.note;
    own.late = sinks.late;
    own.dead_letter = sinks.dead_letter;
  }
  own.progress = [&](const runtime::Progress& progress) {
    if (!sinks.progress) return;
    runtime::Progress of_all = progress;
    of_all.bytes_done += number * progress.bytes_total;
    of_all.bytes_total *= readings_.size();
    sinks.progress(of_all);
  };
  Result<std::vector<runtime::RunSummary>> summaries;
  if (input.archive != nullptr) {
    std::vector<const cep::Program*> all;
    for (const Set* const set : sets) all.push_back(&set->program);
    auto arrivals = input.archive->read(all, options);
    if (!arrivals) return tl::unexpected(arrivals.error());
    summaries = runtime::run_together(programs, **arrivals, options, own);
    notes_ = archive_notes(**arrivals);  // each reading has the same
  } else {
    std::vector<runtime::Input> inputs;
    for (const std::string& name : input.names) inputs.push_back({name, std::nullopt});
    summaries = runtime::run_together(programs, inputs, options, own);
  }
  if (!summaries) return tl::unexpected(summaries.error());
  for (std::size_t i = 0; i < sets.size(); ++i) sets[i]->summary = std::move((*summaries)[i]);
  return {};
}

BacktestReport Backtest::report() const {
  const Set& fresh = sets_.front();
  const Set* const old = rules_.old ? &sets_[1] : nullptr;
  BacktestReport report;
  report.inputs = inputs_;
  report.events = fresh.summary.events;
  report.late = fresh.summary.late;
  report.rejected = fresh.summary.dead_letters;
  report.ignored = fresh.summary.ignored;
  report.first_event = fresh.summary.first_event;
  report.last_event = fresh.summary.last_event;
  report.seconds = fresh.summary.seconds;
  report.value = value_;
  report.fresh = set_figures(fresh.result(), labels());
  report.fresh.files = rules_.fresh.named;
  if (old != nullptr) {
    const SetResult before = old->result();
    report.old = set_figures(before, labels());
    report.old->files = rules_.old->named;
    compare_sets(fresh.result(), before, report);
    report.changed = changed_->take(fresh.tally.facts(), old->tally.facts());
  }
  if (labels() != nullptr) {
    add_scenarios(*labels(), fresh.tally.labels(), old != nullptr ? &old->tally.labels() : nullptr,
                  report);
  }
  if (rules_.varied) {
    report.variation = rules_.varied->program
                           ? variation_figures(*rules_.varied, sets_.back().result(), labels())
                           : rules_.varied->figures;
  }
  return report;
}
}  // namespace tocsin::api
