#include "cep/stage/stage_sender.h"

#include <algorithm>

#include "cep/data/alert_order.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/stage/stage_codec.h"
#include "cep/stage/waiting_rows.h"

namespace tocsin::cep {
std::vector<std::uint32_t> tables_from(const ProgramImpl& program, std::uint32_t first_pass) {
  std::vector<std::uint32_t> tables;
  for (std::uint32_t t = 0; t < program.tables.size(); ++t) {
    if (pass_of(program.tables[t]) >= first_pass) tables.push_back(t);
  }
  return tables;
}

KeyGroup group_of_rule(const Plan& plan, RuleIndex rule) {
  const Value id = Value::string(plan.rules[rule.value].id);
  return key_group(key_bytes(std::span(&id, 1)));
}

StageSender::StageSender(const ProgramImpl& program, std::uint32_t first_pass,
                         std::uint64_t hash_seed, StageOutbox& outbox, bool to_one_part)
    : program_(program),
      plan_(plan_tag(program)),
      outbox_(outbox),
      groups_(program, tables_from(program, first_pass), hash_seed),
      slice_(program),
      sends_rows_(first_pass < program.pass_count),
      to_one_part_(to_one_part),
      alert_rows_(program),
      alert_batch_(*program.plan),
      ids_(program) {}

void StageSender::send_rows(const Batch& batch, std::span<const RowPlace> places) {
  slice_.begin_texts();
  slice_.begin(batch, values_missing_);
  groups_.find(slice_);
  for (std::uint32_t i = 0; i < batch.rows.size(); ++i) {
    const std::span<const RowGroups::Touch> touches = groups_.of(i);
    if (touches.empty()) continue;
    body_.clear();
    ByteWriter to(body_);
    write_place(to, places[i]);
    write_fields(to, program_, batch, batch.rows[i]);
    send_to(touches, MessageKind::kRow, body_);
  }
}

void StageSender::send_to(std::span<const RowGroups::Touch> touches, MessageKind kind,
                          std::string_view body) {
  if (to_one_part_) {
    constexpr KeyGroup kOnly;
    outbox_.put(plan_, {StageEdge::To::kPass, 0}, kind, std::span(&kOnly, 1), body);
    return;
  }
  receivers_.clear();
  for (const RowGroups::Touch& touch : touches) {
    receivers_.emplace_back(pass_of(program_.tables[touch.table]), touch.group);
  }
  std::ranges::sort(receivers_);
  receivers_.erase(std::unique(receivers_.begin(), receivers_.end()), receivers_.end());
  for (auto at = receivers_.begin(); at != receivers_.end();) {
    const std::uint32_t pass = at->first;
    groups_of_pass_.clear();
    for (; at != receivers_.end() && at->first == pass; ++at) groups_of_pass_.push_back(at->second);
    outbox_.put(plan_, {StageEdge::To::kPass, pass}, kind, groups_of_pass_, body);
  }
}

void StageSender::send_alerts(std::uint32_t pass, std::vector<Alert>& alerts) {
  if (alerts.empty()) return;
  sort_.from(alerts, 0);
  constexpr KeyGroup kOnly;
  for (std::size_t i = 0; i < alerts.size(); ++i) {
    if (pass > 0 && i > 0) count_through(alerts[i - 1].order, alerts[i].order);
    ids_.give(alerts[i]);
    body_.clear();
    ByteWriter to(body_);
    write_alert(to, alerts[i]);
    outbox_.put(plan_, {StageEdge::To::kAlerts, 0}, MessageKind::kAlert, std::span(&kOnly, 1),
                body_);
  }
  if (sends_rows_) send_alert_rows(alerts);
}

void StageSender::send_alert_rows(std::span<const Alert> alerts) {
  alert_rows_.clear();
  if (!alert_rows_.add(alerts, alert_batch_, values_missing_)) return;
  alert_batch_.rows.clear();
  places_.clear();
  for (const AlertRows::Entry& entry : alert_rows_.rows()) {
    alert_batch_.rows.push_back(entry.row);
    places_.push_back({entry.order, true, entry.row.type});
  }
  send_rows(alert_batch_, places_);
}

void StageSender::send_budgets(BudgetLog& budgets) {
  constexpr KeyGroup kOnly;
  for (const BudgetLog::Noted& noted : budgets.take_notes()) {
    body_.clear();
    ByteWriter to(body_);
    write_budget(to, noted);
    outbox_.put(plan_, {StageEdge::To::kAlerts, 0}, MessageKind::kBudget, std::span(&kOnly, 1),
                body_);
  }
}

void StageSender::send_to_hold(std::uint32_t pass, RuleIndex rule, std::string_view body) {
  const KeyGroup group = group_of_rule(*program_.plan, rule);
  outbox_.put(plan_, {StageEdge::To::kHold, pass}, MessageKind::kMatches, std::span(&group, 1),
              body);
}
}  // namespace tocsin::cep
