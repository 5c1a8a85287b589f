// Windows that close: what is collected is a partial match of one step, given at the window's end.
#include <algorithm>

#include "cep/match/alert_builder.h"
#include "cep/match/current_row.h"
#include "cep/match/pattern_matcher.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
// The greatest multiple of `step` that is not after `us`.
std::int64_t floor_to(std::int64_t us, std::int64_t step) {
  const std::int64_t rest = us % step;
  return us - (rest < 0 ? rest + step : rest);
}
}  // namespace

// The window that is not a session and has the time.
CalendarWindow PatternMatcher::stretch_of(const ClosingWindow& window, EventTime time) const {
  if (const CalendarSpan* const calendar = window.calendar()) {
    return calendar_window(*pattern_->window_zone, calendar->unit, time);
  }
  const EventTime begin{floor_to(time.us, window.duration().us)};
  return {begin, begin + window.duration()};
}

void PatternMatcher::on_window_event() {
  const ClosingWindow& rule = *rule_->rule->window;
  const std::int64_t now = current_->row->engine_time.us;
  const bool opens = current_->satisfies(pattern_->opens->predicate);
  if (state_ != nullptr && !rule.is_session() && state_->window.open &&
      state_->window.end_us <= now) {
    drop_window();  // none of its own kinds had come: nothing to give
  }
  const bool is_open = state_ != nullptr && state_->window.open;
  if (!is_open && rule.is_session() && !opens) return;
  make_state();
  any_live_ = is_open;
  forget_lost_runs();
  OpenWindow& window = state_->window;
  const std::size_t words_before = state_->words.size();
  if (!is_open) {
    window = {};
    window.open = true;
    ++stats_.runs;
    window.begin_us = now;
    if (!rule.is_session()) {
      const auto [begin, end] = stretch_of(rule, {now});
      window.begin_us = begin.us;
      window.end_us = end.us;
    }
  }
  window.node = write_node(window.node, 0);
  values_ = 0;
  window.values = write_values();
  ++window.count;
  groups_.spend(*rule_, is_open ? 0 : 1,
                8 * (state_->words.size() - words_before) + (is_open ? 0 : kPartialMatchBytes));
  const bool sets_end = opens && (rule.is_session() || !window.is_set);
  if (sets_end) {
    const bool has_timer = window.is_set;
    if (rule.is_session()) window.end_us = now + rule.duration().us;
    window.is_set = true;
    window.setter = current_->row->arrival;
    window.setter_roles = current_->roles;
    // One timer is enough: a session that has grown by then sets the next.
    if (!has_timer) arm_window();
  }
  keep_window_to_budget();
  if (state_->words.size() > 256 && state_->words.size() > 2 * state_->words_kept) collect_words();
  context_->patterns.count(*state_);
}

void PatternMatcher::arm_window() {
  OpenWindow& window = state_->window;
  window.timer_us = window.end_us;
  push_timer(window.end_us, window.setter);
}

void PatternMatcher::drop_window() {
  state_->window = {};
  state_->words = {0};
  state_->budget_words = 0;
  state_->words_kept = 0;
  --stats_.runs;
}

void PatternMatcher::on_window_deadline(const Timer& timer) {
  OpenWindow& window = state_->window;
  if (!window.open || !window.is_set || window.timer_us != timer.deadline_us) return;
  if (window.end_us > timer.deadline_us) {
    arm_window();
    return;
  }
  OrderKey order = order_at_deadline(EventTime{window.end_us}, window.setter);
  order.role = place_of_role(window.setter_roles);
  order.level = rule_->level;
  order.rule = rule_->index.value;
  order.key = scope_.key;
  const Candidate candidate{window.node, window.values, 0, false, 0};
  // Each of its events is read once for each total: as many steps for each of these.
  const Rule& shown = *rule_->rule;
  const std::uint64_t totals =
      2 + shown.fields.size() + shown.message.size() + shown.exceptions.size();
  steps_.begin(program_.limits.steps_per_event_max * totals);
  const ExprPtr& where = rule_->rule->window->where;
  const bool passes = !where || evaluate(*where, last_of(candidate), scope_of(candidate)).is_true();
  if (steps_.is_over()) {
    give_up(1, order);
  } else if (passes) {
    candidates_.push_back(candidate);
    decide(order);
    candidates_.clear();
  }
  drop_window();
  context_->patterns.count(*state_);
}
}  // namespace tocsin::cep
