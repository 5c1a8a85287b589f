#include "cep/pattern/closing_windows.h"

#include <algorithm>

#include "cep/alert/alert_builder.h"
#include "cep/alert/current_row.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
void ClosingWindows::on_event() {
  const ClosingWindow& rule = *current_.rule->rule->window;
  const std::int64_t now = current_.row->row->engine_time.us;
  const bool opens = current_.row->satisfies(current_.pattern->opens->predicate);
  if (current_.state != nullptr && !rule.is_session() && current_.state->window.open &&
      current_.state->window.end_us <= now) {
    drop();  // none of its own kinds had come: nothing to give
  }
  const bool is_open = current_.state != nullptr && current_.state->window.open;
  if (!is_open && rule.is_session() && !opens) return;
  current_.make_state();
  lost_.forget(is_open);
  OpenWindow& window = current_.state->window;
  const std::size_t words_before = current_.state->words.size();
  if (!is_open) {
    window = {};
    window.open = true;
    ++current_.stats.runs;
    window.begin_us = now;
    if (!rule.is_session()) {
      const auto [begin, end] = current_.window_at({now});
      window.begin_us = begin.us;
      window.end_us = end.us;
    }
  }
  window.node = nodes_.write_node(window.node, 0);
  window.values = nodes_.write_values();
  ++window.count;
  groups_.spend(
      *current_.rule, is_open ? 0 : 1,
      8 * (current_.state->words.size() - words_before) + (is_open ? 0 : kPartialMatchBytes));
  const bool sets_end = opens && (rule.is_session() || !window.is_set);
  if (sets_end) {
    const bool has_timer = window.is_set;
    if (rule.is_session()) window.end_us = now + rule.duration().us;
    window.is_set = true;
    window.setter = current_.row->row->arrival;
    window.setter_roles = current_.row->roles;
    // One timer is enough: a session that has grown by then sets the next.
    if (!has_timer) arm();
  }
  keep_to_budget();
  if (current_.state->words.size() > 256 &&
      current_.state->words.size() > 2 * current_.state->words_kept)
    nodes_.collect_words();
  current_.context->patterns.count(*current_.state);
}

void ClosingWindows::arm() {
  OpenWindow& window = current_.state->window;
  window.timer_us = window.end_us;
  current_.push_timer(window.end_us, window.setter);
}

void ClosingWindows::drop() {
  current_.state->window = {};
  current_.state->words = {0};
  current_.state->held.reset();
  current_.state->budget_words = 0;
  current_.state->words_kept = 0;
  --current_.stats.runs;
}

void ClosingWindows::keep_to_budget() {
  const Limits& limits = current_.program.limits;
  OpenWindow& window = current_.state->window;
  if (!may_exceed_key_budget(limits, current_.state->words.size(), 1)) {
    window.bytes = 0;
    return;
  }
  const Plan& plan = *current_.program.plan;
  if (window.bytes == 0) {
    meter_.begin(plan, *current_.rule->rule, current_.scope.table->layouts, current_.state->base(),
                 current_.state->words.size());
    meter_.add(window.node);
    window.bytes = meter_.bytes();
  } else {
    window.bytes += kPlaceBytes + budget_bytes(plan, *current_.rule->rule, *current_.scope.batch,
                                               *current_.row->row);
  }
  if (window.count > limits.events_per_key_max) {
    drop_oldest_half(BudgetCause::kEventsPerKey);
  } else if (window.bytes > limits.bytes_per_key_max) {
    drop_oldest_half(BudgetCause::kBytesPerKey);
  }
}

// The places of the newer half become all there are; at least that of the current event.
void ClosingWindows::drop_oldest_half(BudgetCause cause) {
  OpenWindow& window = current_.state->window;
  const std::uint64_t kept = std::max<std::uint64_t>(window.count / 2, 1);
  const std::uint64_t lost = window.count - kept;
  if (lost == 0) return;
  std::vector<Offset> newer;
  Offset at = window.node;
  for (std::uint64_t i = 0; i < kept; ++i) {
    newer.push_back(at);
    at = current_.node(at)->node.parent;
  }
  const Offset first = newer.back();
  std::uint32_t length = 0;
  for (std::size_t i = newer.size(); i-- > 0;) {
    auto* const made = RecordStore::at<PatternNode>(current_.state->base(), newer[i]);
    if (newer[i] == first) made->node.parent = 0;
    made->node.set_length(++length);
    made->first = first;
    made->slots()[0].first = first;
  }
  window.count = kept;
  window.bytes = 0;
  lost_.lose(lost, cause);
}

void ClosingWindows::on_deadline(const Timer& timer) {
  OpenWindow& window = current_.state->window;
  if (!window.open || !window.is_set || window.timer_us != timer.deadline_us) return;
  if (window.end_us > timer.deadline_us) {
    arm();
    return;
  }
  OrderKey order = order_at_deadline(EventTime{window.end_us}, window.setter);
  order.role = place_of_role(window.setter_roles);
  order.level = current_.rule->level;
  order.rule = current_.rule->index.value;
  order.key = current_.scope.key;
  const MatchCandidate candidate{window.node, window.values, 0, false, 0};
  // Each of its events is read once for each total: as many steps for each of these.
  const Rule& shown = *current_.rule->rule;
  const std::uint64_t totals =
      2 + shown.fields.size() + shown.message.size() + shown.exceptions.size();
  current_.steps.begin(current_.program.limits.steps_per_event_max * totals);
  const ExprPtr& where = current_.rule->rule->window->where;
  const bool passes =
      !where || evaluate(*where, alerts_.last_of(candidate), alerts_.scope_of(candidate)).is_true();
  if (current_.steps.is_over()) {
    lost_.give_up(1, order);
  } else if (passes) {
    matches_.candidates.push_back(candidate);
    selection_.decide(order);
    matches_.candidates.clear();
  }
  drop();
  current_.context->patterns.count(*current_.state);
}
}  // namespace tocsin::cep
