/// The end of a job in stages: the alerts of all parts in the one total order.
#pragma once
#include <compare>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/data/alert.h"
#include "cep/data/alert_order.h"
#include "cep/engine/alert_sort.h"
#include "cep/record/budget.h"
#include "cep/stage/outbox.h"
#include "cep/stage/place_runs.h"
#include "cep/stage/stage_codec.h"
#include "cep/stage/stage_state.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// Threading: one caller at a time.
class AlertMerge {
 public:
  explicit AlertMerge(Program program);
  /// Takes a block for alerts; fails as StageEngine::put().
  Result<void> put(std::string_view block);
  /// Appends the alerts up to the watermark, which never moves back, and those of budgets that were
  /// exceeded up to it: as Engine::advance() would, in order. False where a change took place on
  /// the way: the alerts are those before it, of program() as it was, and the same watermark is to
  /// be given again.
  bool advance(EventTime watermark, std::vector<Alert>& alerts);
  /// As StageEngine::prepare().
  Result<void> prepare(Program next, EventTime from);
  const StageChange* awaited() const { return awaited_ ? &*awaited_ : nullptr; }
  const Program& program() const { return program_; }
  EventTime watermark() const { return watermark_; }
  std::size_t waiting() const { return waiting_.size() + next_waiting_.size(); }
  /// Of memory, about.
  std::size_t waiting_bytes() const { return waiting_.bytes() + next_waiting_.bytes(); }

  // ---- its state, as that of StageEngine; all of it is of one key group, 0
  /// Gives all that changed since the last time, as of now.
  void cut(StageSink& sink);
  /// The next cut gives all that there is.
  void mark_all_changed() { cut_.forget(); }
  /// In a fresh one: goes on from the head and layout.
  Result<void> begin_restore(const std::string& head, std::string_view layout);
  /// Any other entry; fails as StageEngine::restore().
  Result<void> restore(std::string_view key, std::string_view value);
  /// Fails as StageEngine::finish_restore().
  Result<void> finish_restore();

 private:
  // The order in which alerts are raised: their ordinals were not yet counted through.
  struct RaisedOrder {
    std::strong_ordering operator()(const OrderKey& a, const OrderKey& b) const {
      if (is_raised_before(a, b)) return std::strong_ordering::less;
      return is_raised_before(b, a) ? std::strong_ordering::greater : std::strong_ordering::equal;
    }
  };
  struct Waits {
    Alert alert;
    std::size_t bytes = 0;  // as it came
  };
  // What waits, of one program.
  struct Waiting {
    PlaceRuns<OrderKey, Waits, RaisedOrder> alerts;
    PlaceRuns<OrderKey, BudgetLog::Noted> noted;
    std::size_t alert_bytes = 0;  // as they came
    std::size_t size() const { return alerts.size(); }
    std::size_t bytes() const { return alert_bytes + alerts.slot_bytes() + noted.slot_bytes(); }
    EventTime last_time() const;
  };
  Result<void> take(BlockReader& reader, const Program& program, Waiting& waiting, EventTime after,
                    std::optional<EventTime> end);
  void cut_waiting(StageEntry kind, const Program& program, const Waiting& waiting);
  void give(EventTime watermark, std::vector<Alert>& alerts);
  void change();

  Program program_;
  std::unique_ptr<BudgetLog> budgets_;
  Waiting waiting_;
  std::optional<Program> next_;
  Waiting next_waiting_;
  StageChange change_;                  // if there is a next one
  std::optional<StageChange> awaited_;  // of the state that is restored: to be prepared
  AlertSort sort_;
  EventTime watermark_ = kEventTimeMin;
  StageCut cut_;
  StageWritten written_;  // what it goes on from
};
}  // namespace tocsin::cep
