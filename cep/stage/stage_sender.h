/// What stages have in common that send rows and alerts.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cep/compile/program.h"
#include "cep/data/alert.h"
#include "cep/data/batch.h"
#include "cep/engine/alert_ids.h"
#include "cep/engine/alert_sort.h"
#include "cep/eval/slice.h"
#include "cep/record/alert_rows.h"
#include "cep/record/budget.h"
#include "cep/stage/outbox.h"
#include "cep/stage/row_groups.h"
#include "cep/stage/row_place.h"

namespace tocsin::cep {
class StageSender {
 public:
  /// Rows go to passes from `first_pass` on; with `to_one_part` all to pass 0, for key group 0
  /// (whole_engine.h). `outbox` outlives this.
  StageSender(const ProgramImpl& program, std::uint32_t first_pass, std::uint64_t hash_seed,
              StageOutbox& outbox, bool to_one_part = false);
  StageSender(const StageSender&) = delete;
  StageSender& operator=(const StageSender&) = delete;
  /// Each row to the passes that want it, for the key groups that do. `places` are those of the
  /// batch's rows.
  void send_rows(const Batch& batch, std::span<const RowPlace> places);
  /// Of one row: the groups that the touches name, to the pass of their tables.
  void send_to(std::span<const RowGroups::Touch> touches, MessageKind kind, std::string_view body);
  /// What one pass has raised over rows of whole causes, in any order: numbers it, gives it ids,
  /// and sends it on, as rows too. `pass`: of the rules.
  void send_alerts(std::uint32_t pass, std::vector<Alert>& alerts);
  void send_budgets(BudgetLog& budgets);
  /// A message about a rule, to the hold of the pass.
  void send_to_hold(std::uint32_t pass, RuleIndex rule, std::string_view body);
  std::uint64_t values_missing() const { return values_missing_; }
  AlertIds& ids() { return ids_; }

 private:
  void send_alert_rows(std::span<const Alert> alerts);

  const ProgramImpl& program_;
  PlanTag plan_;
  StageOutbox& outbox_;
  RowGroups groups_;
  Slice slice_;
  bool sends_rows_;
  bool to_one_part_;
  AlertRows alert_rows_;
  Batch alert_batch_;
  AlertIds ids_;
  AlertSort sort_;
  std::uint64_t values_missing_ = 0;
  std::string body_;
  std::vector<RowPlace> places_;
  std::vector<std::pair<std::uint32_t, KeyGroup>> receivers_;  // passes
  std::vector<KeyGroup> groups_of_pass_;
};
/// The tables of passes from `first_pass` on.
std::vector<std::uint32_t> tables_from(const ProgramImpl& program, std::uint32_t first_pass);
/// The key group that a rule is of, where rules are divided: that of its id.
KeyGroup group_of_rule(const Plan& plan, RuleIndex rule);
}  // namespace tocsin::cep
