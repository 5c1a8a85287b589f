/// Bounded-out-of-orderness watermarks (Akidau et al., "The Dataflow Model", PVLDB 8(12), 2015).
#pragma once
#include "cep/base/assert.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"

namespace tocsin::runtime {
/// Tracks the watermark of one source: the promise that no event before it will come.
/// Invariant: the watermark never moves backwards, whatever is observed.
/// Threading: none needed; one thread reads a source.
class WatermarkTracker {
 public:
  /// `bound`: how far behind the newest event another may still be on time, >= 0 us.
  explicit WatermarkTracker(cep::Duration bound);
  /// Records an on-time event; true when the watermark advanced. Requires !is_late(event_time).
  bool observe(cep::EventTime event_time) {
    TOCSIN_ASSERT(!is_late(event_time), "the source routes late events before observe()");
    // The decoder keeps every EventTime inside +-2^62 us, so this cannot overflow.
    const cep::EventTime candidate = event_time - bound_;
    if (candidate <= watermark_) return false;
    watermark_ = candidate;
    return true;
  }
  /// Promises that no event before `time` will come; nothing where that was promised before.
  void move_to(cep::EventTime time) {
    if (time > watermark_) watermark_ = time;
  }
  /// True when the watermark had promised that this event would not come; at the watermark is on
  /// time.
  bool is_late(cep::EventTime event_time) const { return event_time < watermark_; }
  /// kEventTimeMin until an event moved it.
  cep::EventTime watermark() const { return watermark_; }
  cep::Duration bound() const { return bound_; }

 private:
  cep::Duration bound_;
  cep::EventTime watermark_ = cep::kEventTimeMin;
};
/// A source's bound: the greatest `up to D late` of the plan's event types.
cep::Duration bound_of(const cep::Plan& plan);
}  // namespace tocsin::runtime
