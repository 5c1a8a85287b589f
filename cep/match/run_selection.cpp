#include "cep/match/run_selection.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "cep/alert/alert_builder.h"
#include "cep/base/assert.h"
#include "cep/plan/rule.h"
#include "cep/record/feature_reader.h"
#include "cep/record/suppressed_count.h"

namespace tocsin::cep {
namespace {
// Features as they were at a match's last event.
class StoredFeatures : public FeatureReader {
 public:
  StoredFeatures(const RuleProgram& rule, const StoredValue* values)
      : rule_(rule), values_(values) {}
  const Value& read(FeatureIndex feature) override {
    const auto& kept = rule_.deadline_features;
    const auto place = std::lower_bound(kept.begin(), kept.end(), feature);
    TOCSIN_ASSERT(place != kept.end() && *place == feature, "compile lists what alerts read");
    value_ = values_[place - kept.begin()].value();
    return value_;
  }

 private:
  Value value_;
  const RuleProgram& rule_;
  const StoredValue* values_;
};
}  // namespace

// For features that leave out the events at which the rule alerts.
void RunSelection::mark_alerted() {
  if (current_.rule->is_watched && current_.row != nullptr)
    current_.context->slice.mark_alerted(current_.rule->index, current_.row->number);
}

void RunSelection::raise(const EvalScope& scope, const EventView& last, OrderKey& order) {
  mark_alerted();
  const bool is_muted = current_.context->slice.is_muted(current_.rule->index);
  // Nobody reads a muted alert: it is not made, and remembered as if it was.
  Alert* const alert = is_muted ? nullptr : &current_.context->alerts.emplace_back();
  if (alert != nullptr) build_alert(scope, last, order, current_.context->lists, *alert);
  const std::uint64_t held_back =
      current_.rule->once
          ? take_suppressed(current_.once, suppressed_until(current_.once, *current_.rule->once),
                            order.time.us)
          : 0;
  // What ran out of steps is missing in it.
  if (current_.steps.is_over()) losses_.give_up(1, order);
  const std::uint64_t lost_runs = std::exchange(current_.state.lost_runs, 0);
  current_.once.last_alert_us = order.time.us;
  if (alert == nullptr) {
    current_.steps.list(0, 0);
    return;
  }
  current_.steps.list(alert->events.size(), alert->events_omitted);
  alert->held_back = held_back;
  alert->lost_runs = lost_runs;
  ++order.ordinal;
}

void RunSelection::suppress() {
  mark_alerted();
  ++current_.once.held_back;
  ++current_.stats.alerts_suppressed;
}

bool RunSelection::passes(const EvalScope& scope, const EventView& last) {
  RowMemo& memo = last.row != nullptr ? memo_ : unkept_;
  return memo.ask(current_.scope, [&] { return passes_having(scope, last); });
}

// Decides which of `count` matches that complete together, in their order, become alerts.
// `scope_of(i)` and `last_of(i)` give what the alert sees. Returns the place of the match that
// `skip past last` selected, else -1.
template <typename ScopeOf, typename LastOf>
std::ptrdiff_t RunSelection::select(std::size_t count, OrderKey order, ScopeOf&& scope_of,
                                    LastOf&& last_of) {
  const SelectionKind kind = current_.rule->rule->selection.kind;
  bool any_suppressed = false;
  for (std::size_t i = 0; i < count; ++i) {
    if (!current_.steps.take()) {
      losses_.give_up(count - i, order);
      return -1;
    }
    const EvalScope& scope = scope_of(i);
    const EventView last = last_of(i);
    const bool is_passed = passes(scope, last);
    if (current_.steps.is_over()) {
      losses_.give_up(count - i, order);
      return -1;
    }
    if (!is_passed) continue;
    if (is_suppressed(order.time.us)) {
      if (kind != SelectionKind::kDefault || !any_suppressed) suppress();
      any_suppressed = true;
    } else if (!losses_.may_raise(order)) {
      ++current_.context->alerts.back().truncated;
      ++current_.stats.matches_truncated;
    } else {
      raise(scope, last, order);
      if (kind == SelectionKind::kDefault) {
        // What was suppressed before it in the same completion does not count: one of them alerts.
        return -1;
      }
    }
    if (kind == SelectionKind::kSkipPastLast) return static_cast<std::ptrdiff_t>(i);
  }
  return -1;
}

bool RunSelection::give_completed() {
  memo_.begin(current_.rule->row_parts);
  const auto last_step = static_cast<std::uint32_t>(current_.rule->steps.size() - 1);
  OrderKey order = current_.order_here();
  current_.steps.allow(StepMeter::kSorting);
  const std::size_t sorted = sort_within_starts(
      completed_, current_.steps, [&](const CompletedRun& a, const CompletedRun& b) {
        return current_.compare({a.parent, true, last_step}, {b.parent, true, last_step}) < 0;
      });
  if (sorted < completed_.size()) {
    losses_.give_up(completed_.size() - sorted, order);
    completed_.resize(sorted);
  }
  current_.steps.allow(StepMeter::kMatches);
  return select(
             completed_.size(), std::move(order),
             [&](std::size_t i) -> const EvalScope& {
               return current_.scope_at(completed_[i].parent, static_cast<int>(last_step));
             },
             [&](std::size_t) { return current_.view(); }) >= 0;
}

std::ptrdiff_t RunSelection::give_due(std::vector<Run>& due, const OrderKey& order) {
  current_.steps.allow(StepMeter::kSorting);
  const std::size_t sorted =
      sort_within_starts(due, current_.steps, [&](const Run& a, const Run& b) {
        return current_.compare({a.node, false, 0}, {b.node, false, 0}) < 0;
      });
  if (sorted < due.size()) {
    losses_.give_up(due.size() - sorted, order);
    due.resize(sorted);
  }
  current_.steps.allow(StepMeter::kMatches);
  std::optional<StoredFeatures> features;
  const std::ptrdiff_t selected = select(
      due.size(), order,
      [&](std::size_t i) -> const EvalScope& {
        features.emplace(*current_.rule,
                         RecordStore::at<StoredValue>(current_.record, due[i].node + kNodeWords));
        current_.scope.features = &*features;
        return current_.scope_at(due[i].node, -1);
      },
      [&](std::size_t i) {
        return EventView{nullptr, CurrentRuns::last_event(current_.record, due[i].node)};
      });
  current_.scope.features = nullptr;
  return selected;
}
}  // namespace tocsin::cep
