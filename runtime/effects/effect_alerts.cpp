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

// The engine's next alert among those that are stored, from commit.next_number on. Between lie
// those that topics brought.
struct EffectStore::NextOwn {
  std::optional<StoredAlert> alert;  // nothing: there is none
  bool has_gone = false;             // retention took some before it
  std::optional<std::uint64_t> lacking;
};

Result<EffectStore::NextOwn> EffectStore::next_own(const Commit& commit) const {
  NextOwn next;
  const auto is_own = [&](const StoredAlert& alert) {
    // The number of a start's mark may be less than that of its last alert.
    return !is_from_topic(alert) && (!commit.last_order || alert.order > *commit.last_order);
  };
  // As it is where no topics are read.
  Result<std::optional<StoredAlert>> first = reader().alert(commit.next_number);
  if (!first) return tl::unexpected(first.error());
  if (*first && is_own(**first)) {
    next.alert = std::move(*first);
    return next;
  }
  std::uint64_t expected = commit.next_number;
  const auto pass_to = [&](std::uint64_t number) {
    if (number == expected) return true;
    if (number > totals_.removed_number + 1) {
      next.lacking = std::max(expected, totals_.removed_number + 1);
      return false;
    }
    return next.has_gone = true;
  };
  const Result<void> read = reader().alerts(expected, [&](const StoredAlert& alert) {
    if (!pass_to(alert.number)) return false;
    expected = alert.number + 1;
    if (!is_own(alert)) return true;
    next.alert = alert;
    return false;
  });
  if (!read) return tl::unexpected(read.error());
  if (!next.alert && !next.lacking) pass_to(mark_.number + 1);
  return next;
}

// Whether the alert is stored already, or was until retention took it away: a replay gives alerts
// in their order.
Result<bool> EffectStore::compare(const StoredAlert& alert, Commit& commit) const {
  const bool is_behind = mark_.order && alert.order <= *mark_.order;
  const auto not_stored = [&] {
    return fail(
        Errc::kCorrupt,
        fmt::format("replay gives an alert that was not stored: {}; the last stored one, "
                    "number {}, stands behind it ({}): {}",
                    describe(alert), mark_.number, describe_order(*mark_.order), kDifferenceHelp));
  };
  if (commit.next_number > mark_.number) {
    if (is_behind) return not_stored();
    return false;
  }
  const Result<NextOwn> next = next_own(commit);
  if (!next) return tl::unexpected(next.error());
  if (next->lacking) {
    return fail(Errc::kCorrupt,
                fmt::format("the alert store lacks alert number {}", *next->lacking));
  }
  // Without topics each number that retention took was one of the engine's.
  if (next->alert && (!next->has_gone || commit.has_inbox)) {
    const StoredAlert& stored = *next->alert;
    if (stored.id == alert.id && stored.order == alert.order) {
      commit.next_number = stored.number + 1;
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
    commit.next_number = mark_.number + 1;
    if (is_behind) return not_stored();
    return false;
  } else if (!is_behind) {
    // Of what retention took, some may have come from topics.
    if (commit.has_inbox) return false;
    return fail(Errc::kCorrupt,
                fmt::format("replay gives too few alerts: number {} is {}, behind the last stored "
                            "one, number {} ({}): {}",
                            commit.next_number, describe(alert), mark_.number,
                            mark_.order ? describe_order(*mark_.order) : "none", kDifferenceHelp));
  }
  // Retention took it away. With topics nobody knows how many numbers it took of the engine's.
  if (!commit.has_inbox) ++commit.next_number;
  return true;
}

Result<void> EffectStore::take(StoredAlert& alert, Commit& commit) const {
  if (commit.last_order && alert.order <= *commit.last_order) {
    return fail(
        Errc::kInternal,
        fmt::format("alert {} comes after one that stands behind it in the total order ({})",
                    describe(alert), describe_order(*commit.last_order)));
  }
  const Result<bool> is_stored = compare(alert, commit);
  if (!is_stored) return tl::unexpected(is_stored.error());
  if (*is_stored) {
    ++commit.report.compared;
  } else {
    alert.number = commit.mark.number + 1;
    alert.timeline = timelines_.back().ordinal;
    alert.stored_at = commit.now;
    alert.repeat_of = 0;
    if (timelines_.size() > 1 || commit.has_inbox) {
      const std::optional<AlertId> id = read_alert_id(alert.id);
      TOCSIN_ASSERT(id.has_value(), "alert ids are 32 hex digits");
      const Result<std::optional<std::uint64_t>> number = number_of(*id, alert.id, commit);
      if (!number) return tl::unexpected(number.error());
      // Within a timeline the engine raises it once.
      if (*number && (commit.has_inbox || **number <= timelines_.back().number_before))
        alert.repeat_of = **number;
    }
    if (Result<void> stored = put(alert, commit); !stored) return stored;
    const Result<std::string> trace = find_trace(alert.order.arrival.cause(), commit);
    if (!trace) return tl::unexpected(trace.error());
    if (!trace->empty()) commit.batch.put(kTraceFamily, alert_trace_key(alert.number), *trace);
    commit.last_stored_order = &alert.order;
    commit.next_number = alert.number + 1;
  }
  commit.last_order = &alert.order;
  return {};
}

// A new one, which has its number.
Result<void> EffectStore::put(StoredAlert& alert, Commit& commit) const {
  const std::optional<AlertId> id = read_alert_id(alert.id);
  TOCSIN_ASSERT(id.has_value(), "alert ids are 32 hex digits");
  commit.totals.alert_bytes += commit.batch.put_written(
      kAlertFamily, alert_key(alert.number), [&](ByteWriter& to) { write_alert(to, alert, *id); });
  commit.alert_ids.emplace_back(*id, alert.number);
  if (commit.ids) commit.ids->emplace(*id, alert.number);
  if (alert.is_live && alert.repeat_of == 0) {
    if (Result<void> addressed = address(alert, commit); !addressed) return addressed;
  }
  ++commit.totals.alerts;
  commit.mark.number = alert.number;
  ++commit.report.alerts;
  return {};
}

// Decides once to whom the alert goes, and how.
Result<void> EffectStore::address(const StoredAlert& alert, Commit& commit) const {
  std::vector<Addressee> to;
  to.reserve(endpoints_.size());
  for (const EndpointId& endpoint : endpoints_) to.push_back({endpoint, {}});
  if (addressees_ && !commit.addressing) {
    Result<std::unique_ptr<Addressing>> begun = addressees_->begin(commit.now);
    if (!begun) return tl::unexpected(begun.error());
    commit.addressing = *std::move(begun);
  }
  if (commit.addressing) commit.addressing->add(alert, to);
  for (const Addressee& one : to) {
    if (one.withheld) {
      commit.batch.put(kWithheldFamily, withheld_key(alert.number, one.endpoint),
                       encode_withheld(*one.withheld));
    }
    const bool is_grouped = one.withheld && one.withheld->kind == WithheldKind::kGrouped;
    if (one.withheld && !is_grouped) continue;
    OutboxRow row;
    if (is_grouped) row.part_of = one.withheld->message;
    commit.batch.put(kOutboxFamily, outbox_key(one.endpoint, alert.number), encode_outbox(row));
    ++commit.owed[one.endpoint];
    ++commit.report.owed;
  }
  return {};
}
}  // namespace tocsin::runtime
