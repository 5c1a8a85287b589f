/// The end of a job in stages: the alerts of all parts in the one total order.
#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/data/alert.h"
#include "cep/engine/alert_sort.h"
#include "cep/record/budget.h"
#include "cep/stage/stage_codec.h"
#include "cep/stage/stage_state.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// Threading: one caller at a time.
class AlertMerge {
 public:
  explicit AlertMerge(Program program);
  /// Takes a block for alerts; kCorrupt as StageEngine::put().
  Result<void> put(std::string_view block);
  /// Appends the alerts up to the watermark, which never moves back, and those of budgets that were
  /// exceeded up to it: as Engine::advance() would, in order.
  void advance(EventTime watermark, std::vector<Alert>& alerts);
  EventTime watermark() const { return watermark_; }
  std::size_t waiting() const { return alerts_.size(); }

  // ---- its state, as that of StageEngine; all of it is of one key group, 0
  /// Gives all that changed since the last time, as of now.
  void cut(StageSink& sink);
  /// The next cut gives all that there is.
  void mark_all_changed() { cut_.forget(); }
  /// In a fresh one: goes on from the head and layout.
  Result<void> begin_restore(const std::string& head, std::string_view layout);
  /// Any other entry; kCorrupt and kInvalidArgument as StageEngine::restore().
  Result<void> restore(std::string_view key, std::string_view value);

 private:
  struct Before {
    bool operator()(const OrderKey& a, const OrderKey& b) const;
  };
  Program program_;
  std::multimap<OrderKey, Alert, Before> alerts_;
  std::multimap<OrderKey, BudgetLog::Noted> noted_;
  BudgetLog budgets_;
  AlertSort sort_;
  EventTime watermark_ = kEventTimeMin;
  StageCut cut_;
  StageWritten written_;  // what it goes on from
};
}  // namespace tocsin::cep
