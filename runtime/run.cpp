#include "runtime/run.h"

#include <chrono>

#include "runtime/slice_loop.h"

namespace tocsin::runtime {
Result<RunSummary> run(const cep::Program& program, const std::vector<Input>& inputs,
                       const RunOptions& options, const Sinks& sinks, RunSummary* partial) {
  const auto begin = std::chrono::steady_clock::now();
  RunSummary summary;
  summary.alerts_by_rule.resize(program.plan().rules.size());
  cep::Engine engine(program, options.hash_seed);
  std::vector<cep::Alert> alerts;
  const Advance advance = [&](const cep::Batch& slice, cep::EventTime watermark) -> Result<void> {
    alerts.clear();
    engine.advance(slice, watermark, alerts);
    for (const cep::Alert& alert : alerts) {
      ++summary.alerts;
      ++summary.alerts_by_rule[alert.rule.value];
      if (!sinks.alert) continue;
      if (auto taken = sinks.alert(alert); !taken) return taken;
    }
    return {};
  };
  const Result<void> done = read_slices(program.plan(), program.used_fields(), program.used_types(),
                                        inputs, options, sinks, summary, advance);
  summary.engine = engine.stats();
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (partial != nullptr) *partial = summary;
  if (!done) return tl::unexpected(done.error());
  return summary;
}
}  // namespace tocsin::runtime
