/// A program whose rows depend on what earlier rows have raised: each row, of an event or of an
/// alert, goes through all passes by itself, in the one total order (cep/value/order.h).
///
/// Invariants: before a row of an event, all deadlines up to its time have passed, one after the
/// other; what a row or a deadline raises is given, and its rows have gone through all passes,
/// before the next row or deadline. A reader of alerts has a higher level than the rules that raise
/// them, so nothing that is raised comes before what was given.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "cep/data/alert.h"
#include "cep/data/batch.h"
#include "cep/engine/table_state.h"
#include "cep/eval/slice.h"
#include "cep/record/alert_rows.h"
#include "cep/record/engine_stats.h"

namespace tocsin::cep {
class RowByRow {
 public:
  /// Gives an alert its id; called in the order of the alerts.
  using GiveId = std::function<void(Alert&)>;

  RowByRow(const ProgramImpl& program, Slice& slice,
           const std::vector<std::unique_ptr<TableState>>& tables, EngineStats& stats,
           GiveId give_id);
  /// As Engine::advance(), without sweeping. Appends the alerts in order.
  void advance(const Batch& batch, EventTime watermark, std::vector<Alert>& alerts);

 private:
  void pass_deadlines(EventTime until, std::vector<Alert>& alerts);
  void take(const Batch& batch, const Row& row);
  void run(const Batch& batch, EventTime time);
  void give_raised(std::vector<Alert>& alerts);
  void queue_raised();
  bool settle_next();
  void number(Alert& alert);
  void run_rows_of(const Alert& alert);

  const ProgramImpl& program_;
  Slice& slice_;
  const std::vector<std::unique_ptr<TableState>>& tables_;
  EngineStats& stats_;
  GiveId give_id_;
  Batch one_row_;
  const Batch no_rows_;
  AlertRows alert_rows_;
  Batch alert_batch_;
  std::vector<Alert> raised_;     // by what is in hand, in no order
  std::vector<Alert> queue_;      // heap: raised, and not given yet
  std::optional<OrderKey> last_;  // of the alert given last
  std::uint32_t rows_of_cause_ = 0;
};
}  // namespace tocsin::cep
