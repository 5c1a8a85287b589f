/// Events as callers pass them to the node, and what became of them.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "cep/value/time.h"
#include "runtime/journal/trace_context.h"

namespace tocsin::api {
enum class EventStatus : std::uint8_t {
  kAccepted,
  kDuplicate,  // its sequence or its `unique` id was taken before
  kLate,       // set aside
  kClamped,    // taken at the time already reached
  kIgnored,    // of a type that no rule file declares
  kInvalid,    // set aside: a dead letter
};
/// "accepted", …
std::string_view event_status_name(EventStatus status);
struct EventVerdict {
  std::size_t place = 0;  // of the event in its batch, from 0
  EventStatus status = EventStatus::kAccepted;
  cep::Duration late_by;  // of kLate and kClamped
  std::string reason;     // of kInvalid; the type of kIgnored
};
/// Lines that are taken together.
struct EventBatch {
  std::string lines;      // none blank, each with its line feed, none longer than the node takes
  std::size_t count = 0;  // of them
  /// Whose lines are counted, and how many it sent before these. Empty: nobody's.
  std::string producer;
  std::uint64_t sequence = 0;
  std::string owner = {};  // the token that they came with, whose name the producer belongs to
  std::vector<runtime::TraceRun> traces = {};  // by event
  /// Tell the alerts that these events cause, waiting for them so long.
  std::optional<std::chrono::milliseconds> wait_for_alerts;
};
struct EventAnswer {
  std::vector<EventVerdict> others;  // that were not just accepted, by place
  std::uint64_t next_sequence = 0;   // of the producer
  std::vector<std::string> alerts;   // lines of format 1, in order
  /// All alerts are there that these events cause now: none of the events waits for its turn.
  bool is_complete = true;
};
/// Why something was not done.
struct Refusal {
  enum class Why : std::uint8_t {
    kFull,       // too much waits; soon there is room
    kMemory,     // the state, or what waits to be put in order, takes all memory it may
    kDisk,       // there is no space for the journal
    kGap,        // a sequence ahead of `expected`
    kProducers,  // too many of them
    kOwned,      // the producer belongs to another token
    kDiffers,    // what was sent again is not what was taken, from `differing` on
    kTooOld,     // what was sent again is so old that it cannot be compared
    kEnding,     // the server stops
    kFailed,     // the node did
    kNotYet,     // out of time; it may still be done
  };
  Why why = Why::kFull;
  std::string detail;
  std::uint64_t expected = 0;   // of kGap, kDiffers, kTooOld: where the producer goes on
  std::uint64_t differing = 0;  // a place in its sequence
};
template <typename T>
using Served = tl::expected<T, Refusal>;
/// Is told what became of a batch, once. It waits for nothing and throws nothing.
using EventsAnswered = std::function<void(Served<EventAnswer>)>;
}  // namespace tocsin::api
