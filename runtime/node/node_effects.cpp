#include "runtime/node/node_effects.h"

#include <utility>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::runtime {
void NodeEffects::begin_record(std::uint64_t sequence, cep::EventTime taken_at) {
  effects_.cause = sequence;
  taken_at_ = taken_at;
}

const StoredAlert* NodeEffects::add(const cep::Alert& alert) {
  const cep::Status status = cep::status_of(*plan_, alert);
  if (status == cep::Status::kInternal) return nullptr;
  StoredAlert stored;
  stored.order = alert.order;
  stored.id = cep::alert_id(alert.digest);
  stored.rule = alert.budget ? std::string(cep::kBudgetRule) : plan_->rules[alert.rule.value].id;
  stored.severity = alert.severity;
  stored.is_live = status == cep::Status::kLive;
  stored.ts = alert.ts;
  if (past_ != nullptr && past_->is_past(stored.order)) {
    past_->take(stored);
    return nullptr;
  }
  stored.line = format_.line(alert);
  effects_.alerts.push_back(std::move(stored));
  return &effects_.alerts.back();
}

void NodeEffects::add(const LateEvent& late) {
  SideOutputRow row;
  row.kind = SideOutputKind::kLate;
  row.arrival = late.arrival;
  row.source = late.input;
  row.line = late.line;
  row.taken_at = taken_at_;
  row.late_by = late.late_by;
  row.text = late.text;
  effects_.side_output.push_back(std::move(row));
}

void NodeEffects::add(const DeadLetter& dead_letter) {
  SideOutputRow row;
  row.kind = SideOutputKind::kDead;
  row.arrival = dead_letter.arrival;
  row.source = dead_letter.input;
  row.line = dead_letter.line;
  row.taken_at = taken_at_;
  row.reason = dead_letter.reason;
  row.text = dead_letter.text;
  effects_.side_output.push_back(std::move(row));
}

void NodeEffects::drop() {
  effects_.alerts.clear();
  effects_.side_output.clear();
  effects_.reinjected.clear();
  effects_.traces.clear();
}

Result<void> NodeEffects::push(EffectQueue& queue) {
  if (effects_.empty()) return {};
  const std::uint64_t cause = effects_.cause;
  const Result<std::uint64_t> pushed = queue.push(std::exchange(effects_, SliceEffects{}));
  effects_.cause = cause;
  if (!pushed) return tl::unexpected(pushed.error());
  return {};
}
}  // namespace tocsin::runtime
