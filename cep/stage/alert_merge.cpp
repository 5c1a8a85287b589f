#include "cep/stage/alert_merge.h"

#include <span>
#include <utility>

#include "cep/base/assert.h"
#include "cep/data/alert_order.h"
#include "cep/stage/outbox.h"
#include "cep/value/order_codec.h"

namespace tocsin::cep {
namespace {
Error damaged() { return {Errc::kCorrupt, "a block of another stage is damaged"}; }
}  // namespace

bool AlertMerge::Before::operator()(const OrderKey& a, const OrderKey& b) const {
  return is_raised_before(a, b);
}

AlertMerge::AlertMerge(Program program) : program_(std::move(program)), budgets_(program_.impl()) {}

Result<void> AlertMerge::put(std::string_view block) {
  const Plan& plan = program_.plan();
  BlockReader reader(block);
  BlockReader::Message message;
  while (reader.next(message)) {
    ByteReader from(message.body);
    if (message.kind == MessageKind::kAlert) {
      Alert alert;
      if (!read_alert(from, plan, alert) || !from.is_done() || alert.order.time <= watermark_) {
        return tl::unexpected(damaged());
      }
      const OrderKey order = alert.order;
      alerts_.emplace(order, std::move(alert));
    } else {
      BudgetLog::Noted noted;
      if (message.kind != MessageKind::kBudget || !read_budget(from, plan, noted) ||
          !from.is_done() || noted.at.time <= watermark_) {
        return tl::unexpected(damaged());
      }
      noted_.emplace(noted.at, noted);
    }
  }
  if (!reader.ok()) return tl::unexpected(damaged());
  return {};
}

void AlertMerge::advance(EventTime watermark, std::vector<Alert>& alerts) {
  TOCSIN_ASSERT(watermark >= watermark_, "time does not move back");
  watermark_ = watermark;
  const std::size_t first = alerts.size();
  while (!alerts_.empty() && alerts_.begin()->first.time <= watermark) {
    alerts.push_back(std::move(alerts_.extract(alerts_.begin()).mapped()));
  }
  while (!noted_.empty() && noted_.begin()->first.time <= watermark) {
    BudgetLog::Noted noted = std::move(noted_.extract(noted_.begin()).mapped());
    budgets_.note(noted.rule, noted.cause, std::move(noted.at));
  }
  if (budgets_.give(alerts)) sort_.from(alerts, first);
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
std::string waiting_key(MessageKind kind, const OrderKey& order) {
  std::string key = stage_entry_key(StageEntry::kWaiting);
  ByteWriter to(key);
  to.u8(static_cast<std::uint8_t>(kind));
  write_order(order, to);
  return key;
}
}  // namespace

void AlertMerge::cut(StageSink& sink) {
  const StateLayout layout = StateLayout::of(program_.impl());
  cut_.begin({0, 1}, stage_head(watermark_),
             stage_layout(program_.impl(), layout, StageEntry::kBudgets, {}));
  std::string budgets;
  ByteWriter to(budgets);
  budgets_.save(to);
  cut_.add(kOnly, stage_entry_key(StageEntry::kBudgets), std::move(budgets));
  for (const auto& waiting : alerts_) {
    std::string messages;
    append(messages, MessageKind::kAlert,
           [&waiting](ByteWriter& body) { write_alert(body, waiting.second); });
    cut_.add(kOnly, waiting_key(MessageKind::kAlert, waiting.first), seal_block(messages));
  }
  for (auto at = noted_.begin(); at != noted_.end();) {
    const auto end = noted_.upper_bound(at->first);
    std::string key = waiting_key(MessageKind::kBudget, at->first);
    std::string messages;
    for (; at != end; ++at) {
      append(messages, MessageKind::kBudget,
             [&](ByteWriter& body) { write_budget(body, at->second); });
    }
    cut_.add(kOnly, std::move(key), seal_block(messages));
  }
  cut_.end();
  Chunk chunk(SIZE_MAX);
  cut_.write(sink, chunk);
}

Result<void> AlertMerge::begin_restore(const std::string& head, std::string_view layout) {
  const StateLayout own = StateLayout::of(program_.impl());
  auto begun = written_.begin({{0, head}}, layout, program_.impl(), own, StageEntry::kBudgets, {});
  if (!begun) return begun;
  watermark_ = written_.least_watermark();
  cut_.note_layout_stored();
  return {};
}

Result<void> AlertMerge::restore(std::string_view key, std::string_view value) {
  if (key.empty()) return tl::unexpected(damaged());
  const auto kind = static_cast<StageEntry>(key.front());
  cut_.note_stored(kOnly, key);
  if (kind == StageEntry::kBudgets) {
    ByteReader from(value);
    if (!budgets_.restore(from) || !from.is_done()) return tl::unexpected(damaged());
    return {};
  }
  if (kind != StageEntry::kWaiting) return tl::unexpected(damaged());
  if (!written_.is_same_plan()) {
    return fail(Errc::kInvalidArgument,
                "alerts that wait were written under other rules: stop the job at one time first");
  }
  return put(value);
}
}  // namespace tocsin::cep
