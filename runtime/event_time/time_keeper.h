/// When silence becomes a fact: decides by a clock when a source is idle, when it is awake again,
/// and when a heartbeat is due. What it decides is a record of the journal; what that means is
/// runtime/event_time/intake.h's.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/value/time.h"
#include "runtime/io/clock.h"
#include "runtime/journal/journal_record.h"

namespace tocsin::runtime {
struct SilenceOptions {
  /// After so long without an event, and again after as long, a heartbeat. Nothing: none.
  std::optional<cep::Duration> heartbeat;
  /// After so long without an event a source is idle. Nothing: it never is.
  std::optional<cep::Duration> idle_after;
};

/// Silence counts only while a source is polled and its queue empty: time in which it is not read,
/// or has lines waiting, is none. A clock that jumps ahead counts as ten seconds more than the wait
/// that was due, one that jumps back as standing still; decisions carry the clock as it counts.
/// Threading: one caller at a time.
class TimeKeeper {
 public:
  /// The clock must outlive it. Durations are positive.
  TimeKeeper(Clock& clock, SilenceOptions options);
  /// A source by the name that decisions carry, known or new. Gives its index: 0, 1, 2, …
  std::size_t source(std::string_view name);
  /// The same, always new: several of one name.
  std::size_t open(std::string_view name);

  /// Lines of the source are at hand and taken next. Gives the decision to journal before them,
  /// where it was idle.
  std::optional<Decision> arrived(std::size_t source);
  /// It was polled, and nothing was there.
  void found_empty(std::size_t source);
  /// It is not read for now (drift_max, back-pressure): its silence says nothing.
  void paused(std::size_t source);
  /// It is over; it may arrive again.
  void ended(std::size_t source);
  /// What has become due by now, in the order of the sources; heartbeats last, one for all (without
  /// a source) where all are silent. To be given to the intake at once, in this order. Names are
  /// borrowed until the next call of source().
  std::vector<Decision> due();
  /// How long a wait may be until something can be due, where no event comes.
  std::optional<cep::Duration> next_due() const;

 private:
  struct Source {
    std::string name;
    bool is_silent = false;  // polled, and nothing was there; nothing since
    bool is_idle = false;
    bool has_ended = false;
    cep::Duration silence;    // since the last event, as far as it counts
    cep::Duration next_beat;  // the silence at which the next heartbeat is due
  };
  void restart(Source& source) const;
  void pass_time();
  bool are_all_silent() const;
  bool has_heartbeats(const Source& source, bool all_silent) const;

  Clock& clock_;
  SilenceOptions options_;
  std::vector<Source> sources_;
  cep::EventTime shown_;    // by the clock, at the last look
  cep::EventTime counted_;  // the clock without its jumps since the last arrival
};
}  // namespace tocsin::runtime
