#include "runtime/node/node_parts.h"

#include <fmt/format.h>

#include <utility>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::runtime {
NodeParts::NodeParts(const NodePorts& node_ports, DataPaths data_paths, const cep::Program& given,
                     NodeOptions node_options)
    : ports(node_ports),
      paths(std::move(data_paths)),
      program(given.with_own_data()),
      options(std::move(node_options)),
      settings(options.settings),
      effects(given.plan()),
      engine(make_engine(program)) {
  summary.alerts_by_rule.resize(given.plan().rules.size());
  summary.first_event = cep::kEventTimeMax;
  summary.last_event = cep::kEventTimeMin;
  options.intake.is_saved = true;
  options.intake.hash_seed = options.hash_seed;
}

Result<void> NodeParts::may_take() const {
  if (!state.has_time_ended) return {};
  return fail(
      Errc::kConflict,
      fmt::format("in {} time has ended (--final-watermark): it can be looked at, but takes "
                  "no more events; begin another data directory",
                  paths.directory));
}

std::unique_ptr<cep::Engine> NodeParts::make_engine(const cep::Program& of) const {
  const std::optional<std::uint64_t> steps = options.settings.steps_per_event_max();
  auto made = std::make_unique<cep::Engine>(steps ? of.with_steps_per_event_max(*steps) : of,
                                            options.hash_seed, options.workers);
  made->track_changes();
  return made;
}

namespace {
template <typename T>
void end_beside(const NodePorts& ports, std::unique_ptr<T> unneeded) {
  if (!unneeded || !ports.has_threads) return;
  ports.executor.post([kept = std::shared_ptr<T>(std::move(unneeded))]() mutable { kept.reset(); });
}
}  // namespace

void NodeParts::release(std::unique_ptr<cep::Engine> unneeded) const {
  end_beside(ports, std::move(unneeded));
}
void NodeParts::release(std::unique_ptr<PastRun> unneeded) const {
  end_beside(ports, std::move(unneeded));
}
}  // namespace tocsin::runtime
