/// How much rules may compile to and remember.
#pragma once
#include <cstdint>

namespace tocsin::cep {
/// Limits in logical units; each applies at the event that exceeds it, oldest first, and is
/// counted.
struct Limits {
  std::uint32_t runs_per_key_max = 10'000;      // partial matches, per (rule, key)
  std::uint32_t matches_per_event_max = 1'000;  // per (rule, event)
  /// How much work an event, or a deadline, may take, per (rule, key), in the steps of
  /// cep/eval/steps.h. What cannot be reached is given up, the oldest partial matches first.
  std::uint64_t steps_per_event_max = 100'000;
  /// An alert lists at most so many events: the first half of them and the last.
  std::uint32_t events_per_alert_max = 1'000;
  /// One that lists so many or more shares them with others that list the same
  /// (cep/alert/shared_events.h); what it says is the same.
  std::uint32_t shared_events_min = 32;
  /// Events that partial matches hold, or a closing window, per (rule, key), and bytes as
  /// cep/record/budget.h counts them.
  std::uint64_t events_per_key_max = 100'000;
  std::uint64_t bytes_per_key_max = std::uint64_t{16} << 20;
  /// Of all keys of a key group (cep/value/key.h) together, per rule. What exceeds it brings it
  /// down to seven eighths.
  std::uint64_t runs_per_group_max = 1'000'000;
  std::uint64_t bytes_per_group_max = std::uint64_t{1} << 30;
  /// Key groups are counted at each event, not only where one may exceed its budget; it changes no
  /// alert, and takes time by all that is held.
  bool groups_counted_always = false;
  std::uint32_t states_max = 1'000;  // of one rule's automaton: compile refuses more
  /// A larger automaton is made compact, with fewer states (cep/compile/pattern_program.h). The
  /// state of a smaller one has the bytes that it always had.
  std::uint32_t enumerated_states_max = 1'000;
  /// Events, panes or values that a feature's window keeps per key; the oldest leave early.
  std::uint64_t feature_events_per_key_max = 1'000'000;
  std::uint64_t ewma_events_per_key_max = 10'000;  // the same of `ewma` over a window that slides
  /// A key with more partial matches of a rule than this is a busy one: it is matched by places
  /// where the rule allows it (cep/places/places.h), which gives the same alerts.
  std::uint32_t busy_key_runs = 16;
  /// A key with so many partial matches of a rule of the general matcher, and none of places, has
  /// an order of them (cep/pattern/concerned_runs.h); it changes no alert.
  std::uint32_t ordered_runs_min = 32;
  std::uint32_t text_database_mib_max = 512;  // of the automaton for one field's text: refused too
};
}  // namespace tocsin::cep
