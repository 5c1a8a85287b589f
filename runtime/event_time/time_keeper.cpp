#include "runtime/event_time/time_keeper.h"

#include <algorithm>

#include "cep/base/assert.h"

namespace tocsin::runtime {
namespace {
// A wait that lasts longer than was asked for by more than this was none: the clock jumped, or
// nothing ran.
constexpr cep::Duration kSlack{10'000'000};
}  // namespace

TimeKeeper::TimeKeeper(Clock& clock, SilenceOptions options)
    : clock_(clock), options_(options), shown_(clock.now()), counted_(shown_) {
  TOCSIN_ASSERT((!options.heartbeat || options.heartbeat->us > 0) &&
                    (!options.idle_after || options.idle_after->us > 0),
                "durations are positive");
}

std::size_t TimeKeeper::source(std::string_view name) {
  const auto known = std::ranges::find(sources_, name, &Source::name);
  if (known != sources_.end()) return static_cast<std::size_t>(known - sources_.begin());
  return open(name);
}

std::size_t TimeKeeper::open(std::string_view name) {
  Source& source = sources_.emplace_back();
  source.name = name;
  restart(source);
  return sources_.size() - 1;
}

void TimeKeeper::restart(Source& source) const {
  source.is_silent = false;
  source.has_ended = false;
  source.silence = {};
  source.next_beat = options_.heartbeat.value_or(cep::Duration{});
}

// Counts what passed since the last look for all that were silent then.
void TimeKeeper::pass_time() {
  const cep::EventTime now = clock_.now();
  const cep::Duration step_max = next_due().value_or(cep::Duration{}) + kSlack;
  const cep::Duration step{now > shown_ ? std::min((now - shown_).us, step_max.us) : 0};
  shown_ = now;
  // Where nobody is silent nothing waits for the clock.
  const bool counts = std::ranges::any_of(sources_, &Source::is_silent);
  counted_ = counts ? counted_ + step : now;
  for (Source& source : sources_) {
    if (source.is_silent) source.silence = source.silence + step;
  }
}

std::optional<Decision> TimeKeeper::arrived(std::size_t source) {
  pass_time();
  counted_ = shown_;
  restart(sources_[source]);
  if (!sources_[source].is_idle) return std::nullopt;
  sources_[source].is_idle = false;
  return Decision{DecisionKind::kAwake, counted_, sources_[source].name};
}

void TimeKeeper::found_empty(std::size_t source) {
  pass_time();
  sources_[source].is_silent = !sources_[source].has_ended;
}

void TimeKeeper::paused(std::size_t source) {
  pass_time();
  sources_[source].is_silent = false;
}

void TimeKeeper::ended(std::size_t source) {
  pass_time();
  restart(sources_[source]);
  sources_[source].is_idle = false;
  sources_[source].has_ended = true;
}

bool TimeKeeper::are_all_silent() const {
  return std::ranges::all_of(
      sources_, [](const Source& source) { return source.is_silent || source.has_ended; });
}

// Idle sources have heartbeats only where all are silent: then nobody else moves time.
bool TimeKeeper::has_heartbeats(const Source& source, bool all_silent) const {
  return options_.heartbeat && source.is_silent && (!source.is_idle || all_silent);
}

std::vector<Decision> TimeKeeper::due() {
  pass_time();
  std::vector<Decision> decisions;
  for (Source& source : sources_) {
    if (!options_.idle_after || !source.is_silent || source.is_idle ||
        source.silence < *options_.idle_after) {
      continue;
    }
    source.is_idle = true;
    decisions.push_back({DecisionKind::kIdle, counted_, source.name});
  }
  const bool all_silent = are_all_silent();
  const auto is_due = [&](const Source& source) {
    return has_heartbeats(source, all_silent) && source.silence >= source.next_beat;
  };
  if (std::ranges::none_of(sources_, is_due)) return decisions;
  if (all_silent) decisions.push_back({DecisionKind::kHeartbeat, counted_, {}});
  for (Source& source : sources_) {
    if (!all_silent && !is_due(source)) continue;
    if (!all_silent) decisions.push_back({DecisionKind::kHeartbeat, counted_, source.name});
    source.next_beat = source.silence + *options_.heartbeat;
  }
  return decisions;
}

std::optional<cep::Duration> TimeKeeper::next_due() const {
  std::optional<cep::Duration> wait;
  const auto add = [&](cep::Duration left) {
    left = std::max(left, cep::Duration{});
    wait = wait ? std::min(*wait, left) : left;
  };
  const bool all_silent = are_all_silent();
  for (const Source& source : sources_) {
    if (has_heartbeats(source, all_silent)) add(source.next_beat - source.silence);
    if (options_.idle_after && source.is_silent && !source.is_idle) {
      add(*options_.idle_after - source.silence);
    }
  }
  return wait;
}
}  // namespace tocsin::runtime
