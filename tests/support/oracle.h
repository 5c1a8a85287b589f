/// The reference evaluator: what a plan means, said as plainly as can be. It orders the events,
/// reads each feature by scanning all events before, and lists every match of a rule by trying all
/// ways through its pattern, event by event; then it applies `having`, the selection, `except` and
/// `once`. Rules that read alerts come after those that raise them. Slow, and obviously right: it
/// shares nothing with the engine but the plan, its values and trees, the formats of keys,
/// identities and alerts, and the stated arithmetic of floats.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cep/data/alert.h"
#include "cep/plan/plan.h"
#include "cep/value/time.h"
#include "cep/value/value.h"

namespace tocsin::oracle {
/// One event as it arrives: a value for each declared field of its type, missing where missing.
/// `ts` is the value of the time field. What computed fields hold is of no account.
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
/// Decides lateness and engine times by the watermark of one source, orders what is not set aside,
/// drops what `unique` drops and computes the computed fields.
std::vector<PlacedEvent> place_events(const cep::Plan& plan, const std::vector<Event>& events,
                                      const Options& options);

/// The second half: events whose engine times were decided, in the order of their arrival, are put
/// into that of time, and what follows from it is done.
std::vector<PlacedEvent> settle_events(const cep::Plan& plan, std::vector<PlacedEvent> placed);

struct Outcome {
  std::vector<cep::Alert> alerts;  // in order
  std::size_t work = 0;
};
/// All alerts of the plan over events in their places; nothing when that is more than
/// `options.work_max`.
std::optional<Outcome> evaluate(const cep::Plan& plan, const std::vector<PlacedEvent>& events,
                                const Options& options);
}  // namespace tocsin::oracle
