#include "api/health/rule_profiler.h"

#include <algorithm>
#include <thread>

#include "runtime/node/node.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
using Why = NotMeasured::Why;
// How soon a wait sees that it is to end.
constexpr std::chrono::milliseconds kStep{100};
// How long the node may take to begin with what is asked of it.
constexpr std::chrono::milliseconds kPatience{10'000};

tl::unexpected<NotMeasured> not_measured(Why why) { return tl::unexpected(NotMeasured{why, {}}); }
}  // namespace

tl::expected<MeasuredEngine, NotMeasured> RuleProfiler::measure(std::chrono::milliseconds time) {
  const std::unique_lock asking(asking_, std::try_to_lock);
  if (!asking) return not_measured(Why::kBusy);
  is_asked_ = true;
  const std::lock_guard lock(engine_);
  is_asked_ = false;
  return run(time, false);
}

tl::expected<MeasuredEngine, NotMeasured> RuleProfiler::measure_for_figures(
    std::chrono::milliseconds time) {
  const std::unique_lock lock(engine_, std::try_to_lock);
  if (!lock) return not_measured(Why::kBusy);
  return run(time, true);
}

tl::expected<MeasuredEngine, NotMeasured> RuleProfiler::run(std::chrono::milliseconds time,
                                                            bool gives_way) {
  std::optional<cep::Program> program;
  const Moment began = steady_clock::now();
  const Served<void> begun = node_.ask(
      [&](runtime::Node& node) {
        program = node.program();
        node.engine().begin_profile();
      },
      kPatience);
  if (!begun) return tl::unexpected(NotMeasured{Why::kNode, begun.error()});
  const std::optional<NotMeasured> cut = wait_until(began + time, gives_way);
  MeasuredEngine measured{*program, {}, 0};
  bool is_same = false;
  const Served<void> ended = node_.ask(
      [&](runtime::Node& node) {
        is_same = &node.program().impl() == &program->impl();
        measured.profile = node.engine().profile();
        node.engine().end_profile();
      },
      kPatience);
  if (cut) return tl::unexpected(*cut);
  if (!ended) return tl::unexpected(NotMeasured{Why::kNode, ended.error()});
  if (!is_same) return not_measured(Why::kOtherRules);
  measured.seconds = std::chrono::duration<double>(steady_clock::now() - began).count();
  return measured;
}

std::optional<NotMeasured> RuleProfiler::wait_until(Moment until, bool gives_way) const {
  for (Moment now = steady_clock::now(); now < until; now = steady_clock::now()) {
    std::this_thread::sleep_for(std::min<steady_clock::duration>(kStep, until - now));
    if (is_closing_) return NotMeasured{Why::kNode, {Refusal::Why::kEnding, "the server stops"}};
    if (gives_way && is_asked_) return NotMeasured{Why::kBusy, {}};
  }
  return std::nullopt;
}
}  // namespace tocsin::api
