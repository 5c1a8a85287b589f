/// The reference evaluator: what a plan means, said as plainly as can be. It orders the events,
/// reads each feature by scanning all events before, and lists every match of a rule by trying all
/// ways through its pattern; then it applies `having`, the selection and `once` in the order in
/// which matches complete. Slow, and obviously right: it shares nothing with the engine but the
/// plan, its values and trees, and the formats of keys, identities and alerts.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cep/alert.h"
#include "cep/plan.h"
#include "cep/time.h"
#include "cep/value.h"

namespace tocsin::oracle {
/// One event as it arrives: a value for each declared field of its type, missing where missing.
/// `ts` is the value of the time field.
struct Event {
  cep::EventTypeIndex type;
  cep::EventTime ts;
  std::vector<cep::OwnedValue> fields;
};
enum class Late : std::uint8_t { kSide, kClamp };
struct Options {
  cep::Duration bound;  // out-of-orderness of the one source
  Late late = Late::kSide;
  /// Time moves on to here at the end: events after it are not seen, deadlines after it do not
  /// pass.
  cep::EventTime end = cep::kEventTimeMax;
  /// Ways through patterns looked at; a case that needs more is given up.
  std::size_t work_max = 2'000'000;
};

/// An event in its place in the order.
struct PlacedEvent {
  std::size_t arrival = 0;  // index into the events given
  cep::EventTypeIndex type;
  cep::EventTime engine_time;
  cep::EventTime ts;
  std::vector<cep::OwnedValue> fields;
  std::uint32_t equal_number = 0;  // how many equal events of its engine time come before it
};
/// Decides lateness and engine times by the watermark of one source and orders what is not set
/// aside.
std::vector<PlacedEvent> place_events(const cep::Plan& plan, const std::vector<Event>& events,
                                      const Options& options);

struct Outcome {
  std::vector<cep::Alert> alerts;  // in order
  std::size_t work = 0;
};
/// All alerts of the plan over events in their places; nothing when that is more than
/// `options.work_max`.
std::optional<Outcome> evaluate(const cep::Plan& plan, const std::vector<PlacedEvent>& events,
                                const Options& options);
}  // namespace tocsin::oracle
