// Keys that have more partial matches of a rule than a few: they are matched by places, where the
// rule allows it (cep/places/places.h). A key becomes a busy one at an event that gives it too many
// partial matches, which its places then hold, and ceases to be one when nothing of them is left.
#include <algorithm>
#include <bit>

#include "cep/alert/alert_builder.h"
#include "cep/eval/loop_totals.h"
#include "cep/match/busy_key.h"
#include "cep/match/matcher.h"
#include "cep/places/places.h"
#include "cep/places/places_part.h"
#include "cep/plan/comparison.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
// A partial match that has taken so many events makes its key a busy one too.
constexpr std::uint32_t kEventsOfStage = 256;
}  // namespace

// The current row as places see it.
class Matcher::PlacesRow : public PlacesEvent {
 public:
  PlacesRow(Matcher& matcher, BusyKey& key) : matcher_(matcher), key_(key) {}
  bool fits(std::uint32_t step) override {
    return fits(matcher_.rule_->steps[step].take, static_cast<int>(step));
  }
  bool is_forbidden_after(std::uint32_t step) override {
    const std::vector<ElementProgram>& guards = matcher_.rule_->steps[step].guards;
    return std::ranges::any_of(guards,
                               [&](const ElementProgram& guard) { return fits(guard, -1); });
  }
  bool is_forbidden_by(std::uint32_t step, std::uint32_t guard) override {
    return fits(matcher_.rule_->steps[step].guards[guard], -1);
  }
  Value compared(const Expr& side) override {
    return value_at_first(side, EventView{row(), nullptr}, matcher_.scope_at(0, 0));
  }
  const std::string* value(const Expr& own) override {
    value_ = part_value(own, EventView{row(), nullptr}, matcher_.scope_at(0, 0));
    return value_ ? &*value_ : nullptr;
  }
  bool is_considered() override { return matcher_.is_considered_; }
  std::uint32_t subset(std::uint32_t step) override {
    const Element& element = *matcher_.rule_->steps[step].take.element;
    if (element.events().size() < 2) return 0;
    return static_cast<std::uint32_t>(
        subset_of_event(element, EventView{row(), nullptr}, matcher_.scope_at(0, -1)));
  }
  bool allows_sum(Int128 sum) override {
    const PlacesSum& asked = *matcher_.rule_->places->sum;
    if (!bound_) {
      const auto last_step = static_cast<int>(matcher_.rule_->steps.size() - 1);
      bound_ = evaluate(*asked.bound, EventView{row(), nullptr}, matcher_.scope_at(0, last_step));
    }
    LoopTotal total;
    total.put(sum);
    const Ordering order = cep::compare(value_of(*asked.sum, total), *bound_);
    return order != Ordering::kUnknown && cep::holds(asked.op, order);
  }
  std::uint64_t capture() override {
    if (!number_) {
      matcher_.capture_.capture(*row());
      number_ = key_.push_event(matcher_.capture_.captured());
    }
    return *number_;
  }
  void add_to_series(PlacesPart& part, std::uint32_t loop) override {
    key_.add_to_series(part, loop, EventView{row(), nullptr}, matcher_.scope_at(0, -1));
  }
  bool is_late() override { return row()->ts < row()->engine_time; }
  bool is_captured() const { return number_.has_value(); }

 private:
  const Row* row() const { return matcher_.current_->row; }
  // What it says of the event alone: equality of values is the parts' business.
  bool fits(const ElementProgram& element, int taken_step) {
    return matcher_.fits_row(element, 0, taken_step);
  }

  Matcher& matcher_;
  BusyKey& key_;
  std::optional<std::uint64_t> number_;
  std::optional<std::string> value_;
  std::optional<Value> bound_;
};

// False where all is over by the current event: then the key is an ordinary one again.
bool Matcher::on_busy_event(OperatorEntry& entry) {
  read_state(&entry);
  const std::int64_t now = current_->row->engine_time.us;
  PatternState& host = context_->patterns.at(state_.handle());
  PlacesState& state = *host.places;
  if (rule_->row_places > 0) row_answers_.assign(rule_->row_places, 0);
  is_considered_ = rule_->strict && current_->satisfies(rule_->considered_predicate);
  BusyKey key(program_, *scope_.table, *rule_, state);
  Places places(*rule_, state);
  const std::uint64_t began = state.starts();
  places.expire(now);
  if (state.is_empty()) {
    stats_.runs -= began;
    context_->patterns.free(state_.handle());
    RecordStore::at<RuleHeader>(record_, entry.state)->set_idle();
    return false;
  }
  PlacesRow row(*this, key);
  const std::uint64_t before = state.starts();
  if (places.take(row)) {
    bool is_given = true;
    if (!rule_->rule->having && is_suppressed(now)) {
      hold_back();
    } else {
      const std::optional<PlacesMatch> match = places.match(row);
      is_given = match && give_busy_match(state, *match, places.end_part());
    }
    places.done();
    if (is_given && rule_->rule->selection.kind == SelectionKind::kSkipPastLast) places.clear();
    if (gave_up_ && !state.is_empty()) drop_older_starts(state);
  }
  if (row.is_captured() && !state.is_empty()) {
    groups_.spend(*rule_, state.starts() > before ? 1 : 0,
                  state.sizes[state.sizes.end() - 1] + kPlaceBytes);
    keep_busy_to_budget(state);
  }
  stats_.runs += state.starts();
  stats_.runs -= began;
  if (state.is_empty()) {
    context_->patterns.free(state_.handle());
    state_.set_idle();
  } else {
    context_->patterns.count(host);
  }
  write_state(entry.state);
  return true;
}

// Whether `skip past last` selected it.
bool Matcher::give_busy_match(PlacesState& state, const PlacesMatch& match,
                              const PlacesPart& part) {
  BusyKey key(program_, *scope_.table, *rule_, state);
  Candidate candidate;
  candidate.parent = key.write_nodes(part, match, busy_words_);
  candidates_.assign(1, candidate);
  std::optional<BusyLoop> loop;
  if (!rule_->places->loops.empty()) scope_.loop = &loop.emplace(*rule_, state, part, match);
  scope_.record = reinterpret_cast<const std::byte*>(busy_words_.data());
  const bool is_selected = select_at_event();
  scope_.record = record_;
  scope_.loop = nullptr;
  return is_selected;
}

// The oldest first events go.
void Matcher::keep_busy_to_budget(PlacesState& state) {
  const Limits& limits = program_.limits;
  BusyKey key(program_, *scope_.table, *rule_, state);
  Places places(*rule_, state);
  const std::int64_t now = current_->row->engine_time.us;
  const auto lose = [&](auto&& is_over, BudgetCause cause) {
    const std::uint64_t before = state.starts();
    while (!state.is_empty() && is_over()) {
      places.drop_before(state.log.begin() + 1, now);
    }
    const std::uint64_t lost = before - state.starts();
    if (lost > 0) note_lost(lost, cause);
  };
  lose([&] { return state.log.size() > limits.events_per_key_max; }, BudgetCause::kEventsPerKey);
  lose([&] { return key.budget_bytes() > limits.bytes_per_key_max; }, BudgetCause::kBytesPerKey);
}

// Where partial matches cannot become places, they are looked at again when there are many more of
// them or they are twice as long, not at each event.
bool Matcher::becomes_busy(std::uint32_t runs_before) const {
  if (drafts_.empty()) return false;
  if (has_many_more_runs(runs_before, drafts_.size(), program_.limits.busy_key_runs)) return true;
  const Draft& oldest = drafts_.front();
  if (!oldest.takes) return false;
  const std::uint32_t length = RecordStore::at<Node>(record_, oldest.run.node)->length;
  return length >= kEventsOfStage && std::has_single_bit(length);
}

// The key's partial matches become places.
void Matcher::make_busy() {
  OperatorEntry* const entry = RecordStore::find(record_, rule_->op);
  auto* const header = RecordStore::at<RuleHeader>(record_, entry->state);
  const std::uint32_t handle = context_->patterns.make();
  PatternState& host = context_->patterns.at(handle);
  host.places = BusyKey::make(*rule_);
  BusyKey key(program_, *scope_.table, *rule_, *host.places);
  const Run* const runs = RecordStore::at<Run>(record_, entry->state + header_words_);
  if (!key.fill(record_, runs, header->run_count)) {
    ++stats_.keys_left_as_runs;
    context_->patterns.free(handle);
    return;
  }
  ++stats_.keys_made_busy;
  stats_.runs += host.places->starts();
  stats_.runs -= header->run_count;
  header->set_busy(handle);
  tallies_->forget(rule_->index, current_->slot->hash);
  context_->patterns.count(host);
}

std::int64_t Matcher::busy_expiry(const RuleProgram& rule, PatternPool& patterns,
                                  RuleHeader& header, std::int64_t now_us) {
  PatternState& host = patterns.at(header.handle());
  PlacesState& state = *host.places;
  const std::uint64_t before = state.starts();
  Places(rule, state).expire(now_us);
  stats_.runs -= before - state.starts();
  if (state.is_empty()) {
    patterns.free(header.handle());
    header.set_idle();
    return kDead;
  }
  patterns.count(host);
  const KeptEvent& newest = state.log[state.newest_start()];
  return rule.within ? newest.engine_time_us + rule.within->us : kNeverDies;
}

void Matcher::release(const RuleProgram& rule, PatternPool& patterns, const std::byte* record,
                      Offset state) {
  const auto* const header = RecordStore::at<RuleHeader>(record, state);
  stats_.runs -= header->run_count;
  if (!rule.places || !header->is_busy()) return;
  stats_.runs -= patterns.at(header->handle()).places->starts();
  patterns.free(header->handle());
}
}  // namespace tocsin::cep
