// Alerts of the engine in a commit: compared in a replay, numbered and owed after it.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "runtime/effects/effect_commit.h"

namespace tocsin::runtime {
namespace {
std::string describe(const StoredAlert& alert) {
  return fmt::format("{} of rule {} ({})", alert.id, alert.rule, describe_order(alert.order));
}
// Rows that are the same for all who replay the same journal.
constexpr const char* kDifferenceHelp =
    "this journal and this program are not those that stored it";
}  // namespace

// The engine's next alert among those that are stored, from next_number_ on. Between lie
// those that topics brought.
struct EffectStore::Commit::NextOwn {
  std::optional<StoredAlert> alert;  // nothing: there is none
  bool has_gone = false;             // retention took some before it
  std::optional<std::uint64_t> lacking;
};

Result<EffectStore::Commit::NextOwn> EffectStore::Commit::next_own() const {
  NextOwn next;
  const auto is_own = [&](const StoredAlert& alert) {
    // The number of a start's mark may be less than that of its last alert.
    return !is_from_topic(alert) && (!last_order_ || alert.order > *last_order_);
  };
  // As it is where no topics are read.
  Result<std::optional<StoredAlert>> first = to_.reader().alert(next_number_);
  if (!first) return tl::unexpected(first.error());
  if (*first && is_own(**first)) {
    next.alert = std::move(*first);
    return next;
  }
  std::uint64_t expected = next_number_;
  const auto pass_to = [&](std::uint64_t number) {
    if (number == expected) return true;
    if (number > to_.totals_.removed_number + 1) {
      next.lacking = std::max(expected, to_.totals_.removed_number + 1);
      return false;
    }
    return next.has_gone = true;
  };
  const Result<void> read = to_.reader().alerts(expected, [&](const StoredAlert& alert) {
    if (!pass_to(alert.number)) return false;
    expected = alert.number + 1;
    if (!is_own(alert)) return true;
    next.alert = alert;
    return false;
  });
  if (!read) return tl::unexpected(read.error());
  if (!next.alert && !next.lacking) pass_to(to_.mark_.number + 1);
  return next;
}

// Whether the alert is stored already, or was until retention took it away: a replay gives alerts
// in their order.
Result<bool> EffectStore::Commit::compare(const StoredAlert& alert) {
  const bool is_behind = to_.mark_.order && alert.order <= *to_.mark_.order;
  const auto not_stored = [&] {
    return fail(Errc::kCorrupt,
                fmt::format("replay gives an alert that was not stored: {}; the last stored one, "
                            "number {}, stands behind it ({}): {}",
                            describe(alert), to_.mark_.number, describe_order(*to_.mark_.order),
                            kDifferenceHelp));
  };
  if (next_number_ > to_.mark_.number) {
    if (is_behind) return not_stored();
    return false;
  }
  const Result<NextOwn> next = next_own();
  if (!next) return tl::unexpected(next.error());
  if (next->lacking) {
    return fail(Errc::kCorrupt,
                fmt::format("the alert store lacks alert number {}", *next->lacking));
  }
  // Without topics each number that retention took was one of the engine's.
  if (next->alert && (!next->has_gone || has_inbox_)) {
    const StoredAlert& stored = *next->alert;
    if (stored.id == alert.id && stored.order == alert.order) {
      next_number_ = stored.number + 1;
      return true;
    }
    if (!next->has_gone || alert.order > stored.order) {
      return fail(
          Errc::kCorrupt,
          fmt::format("replay gives another alert than the stored one: number {} is {}, replay "
                      "gives {}: {}",
                      stored.number, describe(stored), describe(alert), kDifferenceHelp));
    }
  } else if (!next->has_gone) {
    next_number_ = to_.mark_.number + 1;
    if (is_behind) return not_stored();
    return false;
  } else if (!is_behind) {
    // Of what retention took, some may have come from topics.
    if (has_inbox_) return false;
    return fail(
        Errc::kCorrupt,
        fmt::format("replay gives too few alerts: number {} is {}, behind the last stored "
                    "one, number {} ({}): {}",
                    next_number_, describe(alert), to_.mark_.number,
                    to_.mark_.order ? describe_order(*to_.mark_.order) : "none", kDifferenceHelp));
  }
  // Retention took it away. With topics nobody knows how many numbers it took of the engine's.
  if (!has_inbox_) ++next_number_;
  return true;
}

Result<void> EffectStore::Commit::take(StoredAlert& alert) {
  if (last_order_ && alert.order <= *last_order_) {
    return fail(
        Errc::kInternal,
        fmt::format("alert {} comes after one that stands behind it in the total order ({})",
                    describe(alert), describe_order(*last_order_)));
  }
  const Result<bool> is_stored = compare(alert);
  if (!is_stored) return tl::unexpected(is_stored.error());
  if (*is_stored) {
    ++report_.compared;
  } else {
    alert.number = mark_.number + 1;
    alert.timeline = to_.timelines_.back().ordinal;
    alert.stored_at = now_;
    alert.repeat_of = 0;
    if (to_.timelines_.size() > 1 || has_inbox_) {
      const std::optional<AlertId> id = read_alert_id(alert.id);
      TOCSIN_ASSERT(id.has_value(), "alert ids are 32 hex digits");
      const Result<std::optional<std::uint64_t>> number = number_of(*id, alert.id);
      if (!number) return tl::unexpected(number.error());
      // Within a timeline the engine raises it once.
      if (*number && (has_inbox_ || **number <= to_.timelines_.back().number_before))
        alert.repeat_of = **number;
    }
    if (Result<void> stored = put(alert); !stored) return stored;
    const Result<std::string> trace = find_trace(alert.order.arrival.cause());
    if (!trace) return tl::unexpected(trace.error());
    if (!trace->empty()) batch_.put(kTraceFamily, alert_trace_key(alert.number), *trace);
    last_stored_order_ = &alert.order;
    next_number_ = alert.number + 1;
  }
  last_order_ = &alert.order;
  return {};
}

// A new one, which has its number.
Result<void> EffectStore::Commit::put(StoredAlert& alert) {
  const std::optional<AlertId> id = read_alert_id(alert.id);
  TOCSIN_ASSERT(id.has_value(), "alert ids are 32 hex digits");
  totals_.alert_bytes += batch_.put_written(kAlertFamily, alert_key(alert.number),
                                            [&](ByteWriter& to) { write_alert(to, alert, *id); });
  alert_ids_.emplace_back(*id, alert.number);
  if (ids_) ids_->emplace(*id, alert.number);
  if (alert.is_live && alert.repeat_of == 0) {
    if (Result<void> addressed = address(alert); !addressed) return addressed;
  }
  ++totals_.alerts;
  mark_.number = alert.number;
  ++report_.alerts;
  return {};
}

// Decides once to whom the alert goes, and how.
Result<void> EffectStore::Commit::address(const StoredAlert& alert) {
  std::vector<Addressee> to;
  to.reserve(to_.endpoints_.size());
  for (const EndpointId& endpoint : to_.endpoints_) to.push_back({endpoint, {}});
  if (to_.addressees_ && !addressing_) {
    Result<std::unique_ptr<Addressing>> begun = to_.addressees_->begin(now_);
    if (!begun) return tl::unexpected(begun.error());
    addressing_ = *std::move(begun);
  }
  if (addressing_) addressing_->add(alert, to);
  for (const Addressee& one : to) {
    if (one.withheld) {
      batch_.put(kWithheldFamily, withheld_key(alert.number, one.endpoint),
                 encode_withheld(*one.withheld));
    }
    const bool is_grouped = one.withheld && one.withheld->kind == WithheldKind::kGrouped;
    if (one.withheld && !is_grouped) continue;
    OutboxRow row;
    if (is_grouped) row.part_of = one.withheld->message;
    batch_.put(kOutboxFamily, outbox_key(one.endpoint, alert.number), encode_outbox(row));
    ++owed_[one.endpoint];
    ++report_.owed;
  }
  return {};
}
}  // namespace tocsin::runtime
