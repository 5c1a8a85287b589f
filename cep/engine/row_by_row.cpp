#include "cep/engine/row_by_row.h"

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "cep/compile/program.h"
#include "cep/data/alert_order.h"
#include "cep/plan/event_type.h"

namespace tocsin::cep {
namespace {
bool is_given_later(const Alert& a, const Alert& b) { return is_raised_before(b.order, a.order); }
bool has_one_cause(const OrderKey& a, const OrderKey& b) {
  return a.time == b.time && a.phase == b.phase && a.arrival == b.arrival;
}
}  // namespace

RowByRow::RowByRow(const ProgramImpl& program, Slice& slice,
                   const std::vector<std::unique_ptr<TableState>>& tables, EngineStats& stats,
                   GiveId give_id)
    : program_(program),
      slice_(slice),
      tables_(tables),
      stats_(stats),
      give_id_(std::move(give_id)),
      one_row_(*program.plan),
      no_rows_(*program.plan),
      alert_rows_(program),
      alert_batch_(*program.plan) {}

void RowByRow::advance(const Batch& batch, EventTime watermark, std::vector<Alert>& alerts) {
  for (const Row& row : batch.rows) {
    pass_deadlines(row.engine_time, alerts);
    take(batch, row);
    run(one_row_, row.engine_time);
    stats_.rows_relevant += slice_.relevant_rows();
    give_raised(alerts);
  }
  one_row_.clear();
  pass_deadlines(watermark, alerts);
}

// Those of one time pass together: their alerts come after all of them.
void RowByRow::pass_deadlines(EventTime until, std::vector<Alert>& alerts) {
  for (EventTime before = kEventTimeMin;;) {
    EventTime due{ShardTimers::kNone};
    for (const auto& table : tables_) due.us = std::min(due.us, table->next_due_us());
    if (due > until || due.us == ShardTimers::kNone) return;
    TOCSIN_ASSERT(due > before, "deadlines that were due have passed");
    before = due;
    run(no_rows_, due);
    give_raised(alerts);
  }
}

// The row alone, as a batch of its own.
void RowByRow::take(const Batch& batch, const Row& row) {
  const Plan& plan = *program_.plan;
  one_row_.clear();
  one_row_.fields_of = batch.fields_of;
  one_row_.has_identities = batch.has_identities;
  one_row_.rows.push_back(row);
  one_row_.rows.back().index = 0;
  const std::vector<Column>& from = batch.types[row.type.value].fields;
  for (std::size_t f = 0; f < from.size(); ++f) {
    if (from[f].known.empty()) continue;
    append_value(one_row_.types[row.type.value].fields[f],
                 plan.event_types[row.type.value].fields[f].type,
                 batch.value(plan, row, FieldIndex(f)), one_row_.texts);
  }
}

void RowByRow::run(const Batch& batch, EventTime time) {
  slice_.begin(batch, stats_.values_missing);
  for (std::uint32_t pass = 0; pass < program_.pass_count; ++pass) {
    for (const auto& table : tables_) {
      if (table->has_pass(pass)) table->run(pass, slice_, time, raised_);
    }
  }
}

void RowByRow::give_raised(std::vector<Alert>& alerts) {
  for (;;) {
    queue_raised();
    if (settle_next()) continue;
    if (queue_.empty()) return;
    std::pop_heap(queue_.begin(), queue_.end(), is_given_later);
    Alert alert = std::move(queue_.back());
    queue_.pop_back();
    number(alert);
    give_id_(alert);
    run_rows_of(alert);
    alerts.push_back(std::move(alert));
  }
}

void RowByRow::queue_raised() {
  for (Alert& alert : raised_) {
    queue_.push_back(std::move(alert));
    std::push_heap(queue_.begin(), queue_.end(), is_given_later);
  }
  raised_.clear();
}

// Suppression over several keys decides by cause and level, before an alert of that level is given:
// all rows that a rule of the level sees at the cause have then gone through it.
bool RowByRow::settle_next() {
  const OrderKey* first = nullptr;
  for (const auto& table : tables_) {
    const OrderKey* const order = table->deferred().first_unsettled();
    if (order != nullptr && (first == nullptr || level_place(*order) < level_place(*first))) {
      first = order;
    }
  }
  if (first == nullptr) return false;
  if (!queue_.empty() && level_place(queue_.front().order) < level_place(*first)) return false;
  const OrderKey upto = *first;
  for (const auto& table : tables_) table->deferred().settle(raised_, &upto);
  return true;
}

// Its ordinal, and whether rows of its cause come first.
void RowByRow::number(Alert& alert) {
  if (last_) count_through(*last_, alert.order);
  if (!last_ || !has_one_cause(*last_, alert.order)) rows_of_cause_ = 0;
  last_ = alert.order;
}

void RowByRow::run_rows_of(const Alert& alert) {
  alert_rows_.clear();
  if (!alert_rows_.add({&alert, 1}, alert_batch_, stats_.values_missing)) return;
  for (const AlertRows::Entry& entry : alert_rows_.rows()) {
    Row row = entry.row;
    row.arrival.after =
        ++rows_of_cause_ | (alert.order.phase == Phase::kTimer ? ArrivalNumber::kOfTimer : 0);
    alert_batch_.rows.assign(1, row);
    run(alert_batch_, row.engine_time);
  }
}
}  // namespace tocsin::cep
