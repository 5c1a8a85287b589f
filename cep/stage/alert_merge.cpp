#include "cep/stage/alert_merge.h"

#include <algorithm>
#include <span>
#include <utility>

#include "cep/base/assert.h"
#include "cep/stage/stage_change.h"
#include "cep/value/order_codec.h"

namespace tocsin::cep {
EventTime AlertMerge::Waiting::last_time() const {
  const EventTime alert = alerts.empty() ? kEventTimeMin : alerts.last().time;
  return noted.empty() ? alert : std::max(alert, noted.last().time);
}

AlertMerge::AlertMerge(Program program)
    : program_(std::move(program)), budgets_(std::make_unique<BudgetLog>(program_.impl())) {}

Result<void> AlertMerge::put(std::string_view block) {
  BlockReader reader(block);
  if (next_ && reader.ok() && reader.plan() == plan_tag(next_->impl())) {
    return take(reader, *next_, next_waiting_, {change_.from.us - 1}, std::nullopt);
  }
  if (reader.ok() && reader.plan() != plan_tag(program_.impl())) {
    return tl::unexpected(unknown_plan());
  }
  const auto end = next_ ? std::optional(change_.from) : std::nullopt;
  return take(reader, program_, waiting_, watermark_, end);
}

// Alerts are after `after`, and before `end`.
Result<void> AlertMerge::take(BlockReader& reader, const Program& program, Waiting& waiting,
                              EventTime after, std::optional<EventTime> end) {
  const Plan& plan = program.plan();
  const auto is_in_time = [&](EventTime time) { return time > after && (!end || time < *end); };
  BlockReader::Message message;
  while (reader.next(message)) {
    ByteReader from(message.body);
    if (message.kind == MessageKind::kAlert) {
      Alert alert;
      if (!read_alert(from, plan, alert) || !from.is_done() || !is_in_time(alert.order.time)) {
        return tl::unexpected(damaged_block());
      }
      waiting.alert_bytes += message.body.size();
      OrderKey order = alert.order;
      waiting.alerts.add(std::move(order)) = {std::move(alert), message.body.size()};
    } else {
      BudgetLog::Noted noted;
      if (message.kind != MessageKind::kBudget || !read_budget(from, plan, noted) ||
          !from.is_done() || !is_in_time(noted.at.time)) {
        return tl::unexpected(damaged_block());
      }
      OrderKey order = noted.at;
      waiting.noted.add(std::move(order)) = std::move(noted);
    }
  }
  if (!reader.ok()) return tl::unexpected(damaged_block());
  return {};
}

bool AlertMerge::advance(EventTime watermark, std::vector<Alert>& alerts) {
  TOCSIN_ASSERT(watermark >= watermark_, "time does not move back");
  if (next_ && watermark >= change_.from) {
    give({change_.from.us - 1}, alerts);
    change();
    return false;
  }
  give(watermark, alerts);
  return true;
}

void AlertMerge::give(EventTime watermark, std::vector<Alert>& alerts) {
  watermark_ = watermark;
  const std::size_t first = alerts.size();
  auto& waiting = waiting_.alerts;
  while (!waiting.empty() && waiting.first().time <= watermark) {
    waiting_.alert_bytes -= waiting.first_item().bytes;
    alerts.push_back(std::move(waiting.first_item().alert));
    waiting.pop();
  }
  auto& exceeded = waiting_.noted;
  while (!exceeded.empty() && exceeded.first().time <= watermark) {
    BudgetLog::Noted& noted = exceeded.first_item();
    budgets_->note(noted.rule, noted.cause, std::move(noted.at));
    exceeded.pop();
  }
  if (budgets_->give(alerts)) sort_.from(alerts, first);
}

Result<void> AlertMerge::prepare(Program next, EventTime from) {
  const StageChange change{from, next.impl().plan_digest};
  if (auto same = check_same_change(awaited_, change); !same) return same;
  const EventTime reached = std::max(watermark_, waiting_.last_time());
  if (auto can = check_change_time(from, reached, next_.has_value()); !can) return can;
  if (auto can = check_change(program_, next); !can) return can;
  next_ = std::move(next);
  change_ = change;
  awaited_.reset();
  return {};
}

// Which hours have had their alert of a budget goes over, by the ids of rules.
void AlertMerge::change() {
  std::string hours;
  ByteWriter to(hours);
  budgets_->save(to);
  program_ = *std::exchange(next_, std::nullopt);
  budgets_ = std::make_unique<BudgetLog>(program_.impl());
  ByteReader from(hours);
  budgets_->restore(from);
  waiting_ = std::exchange(next_waiting_, {});
  cut_.forget();
  cut_.clear_first();
}

namespace {
constexpr KeyGroup kOnly;

template <typename Write>
void append(std::string& messages, MessageKind kind, Write&& write) {
  std::string body;
  ByteWriter to(body);
  write(to);
  append_message(messages, kind, std::span(&kOnly, 1), body);
}
std::string waiting_key(StageEntry entry, MessageKind kind, const OrderKey& order) {
  std::string key = stage_entry_key(entry);
  ByteWriter to(key);
  to.u8(static_cast<std::uint8_t>(kind));
  write_order(order, to);
  return key;
}
}  // namespace

void AlertMerge::cut_waiting(StageEntry kind, const Program& program, const Waiting& waiting) {
  const PlanTag plan = plan_tag(program.impl());
  waiting.alerts.each([&](const OrderKey& order, const Waits& waits) {
    std::string messages;
    append(messages, MessageKind::kAlert,
           [&](ByteWriter& body) { write_alert(body, waits.alert); });
    cut_.add(kOnly, waiting_key(kind, MessageKind::kAlert, order), seal_block(plan, messages));
  });
  OrderKey order;
  std::string messages;  // of all that have this order
  const auto add = [&] {
    cut_.add(kOnly, waiting_key(kind, MessageKind::kBudget, order), seal_block(plan, messages));
    messages.clear();
  };
  waiting.noted.each([&](const OrderKey& next, const BudgetLog::Noted& noted) {
    if (!messages.empty() && next != order) add();
    order = next;
    append(messages, MessageKind::kBudget, [&](ByteWriter& body) { write_budget(body, noted); });
  });
  if (!messages.empty()) add();
}

void AlertMerge::cut(StageSink& sink) {
  std::string layout;
  if (cut_.needs_layout()) {
    layout =
        stage_layout(program_.impl(), StateLayout::of(program_.impl()), StageEntry::kBudgets, {});
  }
  cut_.begin({0, 1}, stage_head({watermark_, false}, next_ ? &change_ : nullptr),
             std::move(layout));
  std::string budgets;
  ByteWriter to(budgets);
  budgets_->save(to);
  cut_.add(kOnly, stage_entry_key(StageEntry::kBudgets), std::move(budgets));
  cut_waiting(StageEntry::kWaiting, program_, waiting_);
  if (next_) cut_waiting(StageEntry::kWaitingNext, *next_, next_waiting_);
  cut_.end();
  Chunk chunk(SIZE_MAX);
  cut_.write(sink, chunk);
}

Result<void> AlertMerge::begin_restore(const std::string& head, std::string_view layout) {
  const std::map<std::uint32_t, std::string> heads = {{0, head}};
  const Result<StageOrigin> origin = stage_origin(heads, layout);
  if (!origin) return tl::unexpected(origin.error());
  if (next_ && origin->watermark >= change_.from) {
    if (origin->plan != change_.plan) return tl::unexpected(change_passed());
    program_ = *std::exchange(next_, std::nullopt);
    budgets_ = std::make_unique<BudgetLog>(program_.impl());
  } else if (next_) {
    if (auto same = check_same_change(origin->change, change_); !same) return same;
  } else {
    awaited_ = origin->change;
  }
  const StateLayout own = StateLayout::of(program_.impl());
  auto begun = written_.begin(heads, layout, program_.impl(), own, StageEntry::kBudgets, {});
  if (!begun) return begun;
  watermark_ = written_.least_watermark();
  cut_.note_layout_stored();
  return {};
}

Result<void> AlertMerge::restore(std::string_view key, std::string_view value) {
  if (key.empty()) return tl::unexpected(damaged_block());
  const auto kind = static_cast<StageEntry>(key.front());
  cut_.note_stored(kOnly, key);
  if (kind == StageEntry::kBudgets) {
    ByteReader from(value);
    if (!budgets_->restore(from) || !from.is_done()) return tl::unexpected(damaged_block());
    return {};
  }
  BlockReader reader(value);
  if (kind == StageEntry::kWaitingNext) {
    if (!next_) {
      return tl::unexpected(change_not_prepared(awaited_ ? awaited_->from : kEventTimeMin));
    }
    return take(reader, *next_, next_waiting_, {change_.from.us - 1}, std::nullopt);
  }
  if (kind != StageEntry::kWaiting) return tl::unexpected(damaged_block());
  if (!written_.is_same_plan()) return tl::unexpected(waits_under_other_rules("alerts"));
  return take(reader, program_, waiting_, watermark_, std::nullopt);
}

Result<void> AlertMerge::finish_restore() {
  if (awaited_) return tl::unexpected(change_not_prepared(awaited_->from));
  return {};
}
}  // namespace tocsin::cep
