/// Passes the effects of a node's slices to the effect queue.
#pragma once
#include <cstdint>
#include <utility>

#include "cep/base/result.h"
#include "cep/data/alert.h"
#include "cep/data/alert_format.h"
#include "cep/plan/plan_fwd.h"
#include "runtime/effects/effect_queue.h"
#include "runtime/effects/effects.h"
#include "runtime/event_time/intake.h"
#include "runtime/event_time/run_options.h"
#include "runtime/node/replay_difference.h"

namespace tocsin::runtime {
/// Collects effects of one journal record after the other. Threading: one caller at a time.
class NodeEffects {
 public:
  /// Borrows the plan.
  explicit NodeEffects(const cep::Plan& plan) : plan_(&plan), format_(plan) {}
  /// Alerts are of another plan from here on, which it borrows.
  void use(const cep::Plan& plan) {
    plan_ = &plan;
    format_ = cep::AlertFormat(plan);
  }
  /// From here on everything has this cause, taken in at that time.
  void begin_record(std::uint64_t sequence, cep::EventTime taken_at);
  /// While it is said, alerts that are past for `difference` are given to it and not collected.
  void compare_past(ReplayDifference* difference) { past_ = difference; }
  /// Of live and shadow rules; those of internal ones are nobody's to see. Gives what is stored,
  /// until the next call; null: nothing.
  const StoredAlert* add(const cep::Alert& alert);
  void add(const LateEvent& late);
  void add(const DeadLetter& dead_letter);
  void add(const Reinjected& mark) { effects_.reinjected.push_back(mark); }
  void add(TraceRow row) { effects_.traces.push_back(std::move(row)); }
  /// Forgets what there is.
  void drop();
  /// Hands over what there is; with a thread it may wait for the record to be on disk, so that it
  /// must have been taken in by the journal. Fails as the queue does.
  Result<void> push(EffectQueue& queue);

 private:
  const cep::Plan* plan_;
  cep::AlertFormat format_;
  ReplayDifference* past_ = nullptr;
  cep::EventTime taken_at_;
  SliceEffects effects_;
};
}  // namespace tocsin::runtime
