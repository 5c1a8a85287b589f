#include "runtime/event_time/run.h"

#include <chrono>

#include "cep/eval/computed.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "runtime/event_time/slice_loop.h"

namespace tocsin::runtime {
void count_alert(const cep::Plan& plan, const cep::Alert& alert, RunSummary& summary) {
  if (alert.budget) {
    ++summary.budget_alerts;
    return;
  }
  const bool is_live = cep::status_of(plan, alert) == cep::Status::kLive;
  ++(is_live ? summary.alerts : summary.undelivered);
  ++summary.alerts_by_rule[alert.rule.value];
}

Result<RunSummary> run(const cep::Program& program, const std::vector<Input>& inputs,
                       const RunOptions& options, const Sinks& sinks, RunSummary* partial) {
  const auto begin = std::chrono::steady_clock::now();
  RunSummary summary;
  summary.alerts_by_rule.resize(program.plan().rules.size());
  cep::Engine engine(options.steps_per_event_max
                         ? program.with_steps_per_event_max(*options.steps_per_event_max)
                         : program,
                     options.hash_seed, options.workers);
  if (options.profiles) {
    engine.begin_profile();
    summary.profile.emplace();
  }
  std::vector<cep::Alert> alerts;
  std::uint64_t values_missing = 0;  // of computed fields
  const Advance advance = [&](cep::Batch& slice, cep::EventTime watermark) -> Result<void> {
    alerts.clear();
    values_missing += cep::fill_computed(program, slice);
    // Nothing is kept beyond the end of time.
    if (summary.profile && watermark == cep::kEventTimeMax) {
      summary.profile->totals = engine.rule_totals();
    }
    engine.advance(slice, watermark, alerts);
    const std::uint64_t before = summary.profile ? cep::ProfileClock::now() : 0;
    for (const cep::Alert& alert : alerts) {
      count_alert(program.plan(), alert, summary);
      if (!sinks.alert) continue;
      if (auto taken = sinks.alert(alert); !taken) return taken;
    }
    if (summary.profile) summary.profile->output_ns += cep::ProfileClock::now() - before;
    return {};
  };
  const Result<void> done = read_slices(program.plan(), program.used_fields(), program.used_types(),
                                        inputs, options, sinks, summary, advance);
  summary.engine = engine.stats();
  summary.steps_exceeded = engine.steps_exceeded();
  if (summary.profile) {
    summary.profile->engine = engine.profile();
    if (summary.profile->totals.empty()) summary.profile->totals = engine.rule_totals();
  }
  summary.engine.values_missing += values_missing;
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (partial != nullptr) *partial = summary;
  if (!done) return tl::unexpected(done.error());
  return summary;
}
}  // namespace tocsin::runtime
