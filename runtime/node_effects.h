/// What a node's slices bring about, on its way to the effect queue.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/alert.h"
#include "cep/base/result.h"
#include "cep/plan.h"
#include "runtime/effect_queue.h"
#include "runtime/effects.h"
#include "runtime/intake.h"
#include "runtime/run.h"

namespace tocsin::runtime {
/// Collects effects of one journal record after the other. Threading: one caller at a time.
class NodeEffects {
 public:
  /// Borrows the plan.
  explicit NodeEffects(const cep::Plan& plan) : plan_(plan) {}
  /// From here on everything has this cause, taken in at that time.
  void begin_record(std::uint64_t sequence, cep::EventTime taken_at);
  /// Of live and shadow rules; those of internal ones are nobody's to see. Gives what is stored,
  /// until the next call; null: nothing.
  const StoredAlert* add(const cep::Alert& alert);
  void add(const LateEvent& late);
  void add(const DeadLetter& dead_letter);
  void add(const Reinjected& mark) { effects_.reinjected.push_back(mark); }
  /// Forgets what there is.
  void drop();
  /// Hands over what there is; with a thread it may wait for the record to be on disk, so that it
  /// must have been taken in by the journal. Fails as the queue does.
  Result<void> push(EffectQueue& queue);

 private:
  const cep::Plan& plan_;
  cep::EventTime taken_at_;
  SliceEffects effects_;
};
}  // namespace tocsin::runtime
