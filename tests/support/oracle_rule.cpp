#include "tests/support/oracle_rule.h"

#include <algorithm>
#include <compare>

#include "cep/base/assert.h"
#include "cep/value/key.h"
#include "tests/support/oracle_calendar.h"

namespace tocsin::oracle {
using cep::Alert;
using cep::EventTime;
using cep::SelectionKind;
using cep::Value;

namespace {
constexpr std::size_t kWindowEventsShown = 1'000;
// Of another match, the first half of so many and the last.
constexpr std::size_t kEventsListed = 1'000;

// By the positions of their events, then by their steps.
std::weak_ordering by_positions(const Match& a, const Match& b) {
  const auto positions = std::lexicographical_compare_three_way(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const Taken& x, const Taken& y) { return x.position <=> y.position; });
  if (positions != 0) return positions;
  return std::lexicographical_compare_three_way(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const Taken& x, const Taken& y) { return x.var <=> y.var; });
}
// The order among matches that complete together: began first (or last), longest, least positions,
// least steps.
bool comes_before(const Match& a, const Match& b, bool latest) {
  const Position first_a = a.front().position;
  const Position first_b = b.front().position;
  if (first_a != first_b) return latest ? first_a > first_b : first_a < first_b;
  if (a.size() != b.size()) return a.size() > b.size();
  return by_positions(a, b) < 0;
}
// The order among matches that wait together, with `in order`: least positions, of two of which one
// begins the other the longer.
bool is_given_before(const Match& a, const Match& b) {
  const std::size_t common = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (a[i].position != b[i].position) return a[i].position < b[i].position;
  }
  if (a.size() != b.size()) return a.size() > b.size();
  return by_positions(a, b) < 0;
}

bool is_one_place(const Row& a, const Row& b) {
  return a.engine_time == b.engine_time && a.phase == b.phase && a.arrival == b.arrival;
}

std::int64_t floor_to(std::int64_t us, std::int64_t step) {
  const std::int64_t rest = us % step;
  return us - (rest < 0 ? rest + step : rest);
}

std::string big_endian(std::int64_t n) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes += static_cast<char>((static_cast<std::uint64_t>(n) >> shift) & 0xff);
  }
  return bytes;
}
}  // namespace

cep::EventIdentity identity_of(const World& world, Position position) {
  const Row& row = world.row(position);
  if (!row.alert_id.empty()) return {"a" + row.alert_id, row.alert_id};
  const cep::EventType& type = world.plan().event_types[row.type.value];
  if (type.id_field) return cep::identity_of_id(type.name, world.field(position, *type.id_field));
  std::vector<Value> fields;
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    if (!type.fields[i].computed) fields.push_back(world.field(position, cep::FieldIndex(i)));
  }
  return cep::identity_of_fields(type.name, fields, row.equal_number);
}

RuleRun::RuleRun(World& world, cep::RuleIndex rule, std::uint32_t level, EventTime end)
    : world_(world),
      index_(rule),
      rule_(world.plan().rules[rule.value]),
      level_(level),
      end_(end),
      pattern_(world, rule_),
      suppressor_(world, rule_) {}

std::vector<Alert> RuleRun::run() {
  const std::vector<Row>& rows = world_.rows();
  for (Position p = 0; p < rows.size() && !world_.exhausted();) {
    // Alerts of one cause stand at one place of the order: there keys come before what they see.
    std::vector<std::pair<KeyAt, Position>> offers;
    const Position begin = p;
    for (; p < rows.size() && is_one_place(rows[begin], rows[p]); ++p) {
      if (!is_seen(p)) continue;
      for (KeyAt& key : world_.keys_of(rule_.key, p)) offers.emplace_back(std::move(key), p);
    }
    std::stable_sort(offers.begin(), offers.end(), [](const auto& a, const auto& b) {
      return std::tie(a.first.place, a.first.bytes) < std::tie(b.first.place, b.first.bytes);
    });
    if (offers.empty()) continue;
    // A row's time, before the row: what is due.
    pass_until(rows[begin].engine_time);
    for (const auto& [key, position] : offers) offer(key, position);
  }
  pass_until(end_);
  return std::move(alerts_);
}

// Alerts of shadow rules are seen by shadow rules only.
bool RuleRun::is_seen(Position position) const {
  const auto raiser = world_.plan().event_types[world_.row(position).type.value].alert_of;
  return !raiser || world_.plan().rules[raiser->value].status != cep::Status::kShadow ||
         rule_.status == cep::Status::kShadow;
}

// ---- one event of a key

void RuleRun::offer(const KeyAt& key, Position position) {
  if (world_.subset_of(rule_.considered, position, key.roles) == nullptr) return;
  const Offer event{position, key.roles};
  suppressor_.see(event, key.bytes);
  KeyState& state = keys_[key.bytes];
  if (rule_.window) {
    collect(state, event);
    return;
  }
  std::vector<Match> matches = pattern_.offer(state.ways, event);
  complete(key.bytes, std::move(matches), {world_.row(position).engine_time, false, position});
}

// Begin and end of the window, which is no session, that has the time.
std::pair<EventTime, EventTime> RuleRun::stretch_at(EventTime time) const {
  const cep::ClosingWindow& window = *rule_.window;
  if (const cep::CalendarSpan* const calendar = window.calendar()) {
    return calendar_window_at(world_.plan(), calendar->zone, calendar->unit, time);
  }
  const EventTime begin{floor_to(time.us, window.duration().us)};
  return {begin, begin + window.duration()};
}

// A closing window: events of its kinds open and extend it, what is considered is collected too.
void RuleRun::collect(KeyState& state, const Offer& event) {
  const cep::ClosingWindow& window = *rule_.window;
  const cep::Subset* kind = world_.subset_of(window.events, event.position, event.roles);
  const EventTime now = world_.row(event.position).engine_time;
  if (!state.window) {
    if (window.is_session() && kind == nullptr) return;
    state.window.emplace();
    state.window->begin = window.is_session() ? now : stretch_at(now).first;
  } else if (!window.is_session() && now >= stretch_at(state.window->begin).second) {
    // The old one had no event of its kinds, or its timer would have closed it.
    state.window.emplace();
    state.window->begin = stretch_at(now).first;
  }
  OpenWindow& open = *state.window;
  const cep::Subset* as =
      kind != nullptr ? kind : world_.subset_of(rule_.considered, event.position, event.roles);
  open.collected.push_back({event.position, window.var, as->name});
  if (kind == nullptr) return;
  if (window.is_session()) {
    open.end = now + window.duration();
    open.set_by = event.position;
  } else if (!open.end) {
    open.end = stretch_at(open.begin).second;
    open.set_by = event.position;
  }
}

// ---- time

std::optional<RuleRun::Timer> RuleRun::next_timer() const {
  std::optional<Timer> next;
  const auto offer = [&](const std::string& key, EventTime at, Position set_by) {
    const std::size_t arrival = world_.row(set_by).arrival;
    if (next && std::tie(next->at, next->arrival) < std::tie(at, arrival)) return;
    Timer timer{at, arrival, key_at(set_by, key).place, key, set_by};
    if (!next || timer < *next) next = std::move(timer);
  };
  for (const auto& [key, state] : keys_) {
    std::optional<std::pair<EventTime, Position>> first;
    for (const Way& way : state.ways) {
      if (way.limit && (!first || std::make_pair(*way.limit, way.limit_set_by) < *first)) {
        first = {*way.limit, way.limit_set_by};
      }
    }
    if (first) offer(key, first->first, first->second);
    if (state.window && state.window->end) offer(key, *state.window->end, state.window->set_by);
  }
  return next;
}

void RuleRun::pass_until(EventTime time) {
  while (const std::optional<Timer> timer = next_timer()) {
    if (timer->at > time || !world_.spend()) return;
    fire(*timer);
  }
}

// All that ends under one key at one time that one event had set.
void RuleRun::fire(const Timer& timer) {
  KeyState& state = keys_[timer.key];
  if (rule_.window) {
    const OpenWindow window = *std::exchange(state.window, std::nullopt);
    close(timer.key, window);
    return;
  }
  std::vector<Match> matches;
  std::erase_if(state.ways, [&](const Way& way) {
    if (way.limit != timer.at || way.limit_set_by != timer.set_by) return false;
    if (way.waits == Way::Waits::kDeadline) matches.push_back(way.taken);
    return true;
  });
  complete(timer.key, std::move(matches), {timer.at, true, timer.set_by});
}

void RuleRun::close(const std::string& key, const OpenWindow& window) {
  const Moment moment{*window.end, true, window.set_by};
  closing_ = {window.begin, *window.end};
  if (!rule_.window->where ||
      evaluate(*rule_.window->where, context_of(window.collected, key)).is_true()) {
    complete(key, {window.collected}, moment);
  }
  closing_.reset();
}

// ---- selection

void RuleRun::complete(const std::string& key, std::vector<Match> matches, const Moment& moment) {
  std::sort(matches.begin(), matches.end(), [&](const Match& a, const Match& b) {
    return comes_before(a, b, rule_.selection.prefer_latest);
  });
  // What two ways lead to is one match.
  matches.erase(std::unique(matches.begin(), matches.end(),
                            [](const Match& a, const Match& b) { return by_positions(a, b) == 0; }),
                matches.end());
  std::erase_if(matches, [&](const Match& match) {
    return rule_.having && !evaluate(*rule_.having, context_of(match, key)).is_true();
  });
  if (rule_.selection.in_order) {
    std::vector<Match>& waiting = keys_[key].waiting;
    std::move(matches.begin(), matches.end(), std::back_inserter(waiting));
    release(key, moment);
  } else if (rule_.selection.kind == SelectionKind::kDefault) {
    select_default(key, matches, moment);
  } else {
    select_skipping(key, std::move(matches), moment);
  }
}

// The first that nothing holds back; if all are suppressed, the first is counted.
void RuleRun::select_default(const std::string& key, const std::vector<Match>& matches,
                             const Moment& moment) {
  const Match* first_suppressed = nullptr;
  for (const Match& match : matches) {
    const Context context = context_of(match, key);
    if (suppressor_.is_excepted(moment, context)) continue;
    if (!suppressor_.holds_back(match, moment, context, key)) {
      give(key, match, moment);
      return;
    }
    if (first_suppressed == nullptr) first_suppressed = &match;
  }
  if (first_suppressed != nullptr) give(key, *first_suppressed, moment);
}

void RuleRun::select_skipping(const std::string& key, std::vector<Match> matches,
                              const Moment& moment) {
  while (!matches.empty()) {
    const Match given = matches.front();
    matches.erase(matches.begin());
    give(key, given, moment);
    drop(keys_[key], matches, given);
  }
}

// `in order`: gives what no older partial match holds back.
void RuleRun::release(const std::string& key, const Moment& moment) {
  KeyState& state = keys_[key];
  std::sort(state.waiting.begin(), state.waiting.end(), is_given_before);
  while (!state.waiting.empty()) {
    const Match given = state.waiting.front();
    const bool held_back = std::any_of(state.ways.begin(), state.ways.end(), [&](const Way& way) {
      return way.taken.front().position < given.front().position;
    });
    if (held_back) return;
    state.waiting.erase(state.waiting.begin());
    give(key, given, moment);
    drop(state, state.waiting, given);
  }
}

// Whether a given match drops another one, complete or not.
bool RuleRun::is_dropped(const Match& other, const Match& given) const {
  const Position first = other.front().position;
  switch (rule_.selection.kind) {
    case SelectionKind::kDefault:
    case SelectionKind::kNoSkip:
      return false;
    case SelectionKind::kSkipToNext:
      return first <= given.front().position;
    case SelectionKind::kSkipPastLast:
      return first <= given.back().position;
    case SelectionKind::kSkipToFirst:
    case SelectionKind::kSkipToLast: {
      const std::vector<Position> events = events_of(rule_, given, rule_.selection.var);
      if (events.empty()) return false;
      const Position target =
          rule_.selection.kind == SelectionKind::kSkipToFirst ? events.front() : events.back();
      return target != given.front().position && first < target;
    }
    case SelectionKind::kConsume:
      return std::any_of(other.begin(), other.end(), [&](const Taken& mine) {
        return std::any_of(given.begin(), given.end(),
                           [&](const Taken& theirs) { return mine.position == theirs.position; });
      });
  }
  return false;
}

void RuleRun::drop(KeyState& state, std::vector<Match>& matches, const Match& given) const {
  std::erase_if(matches, [&](const Match& match) { return is_dropped(match, given); });
  std::erase_if(state.ways, [&](const Way& way) { return is_dropped(way.taken, given); });
}

// ---- alerts

KeyAt RuleRun::key_at(Position position, const std::string& key) const {
  for (KeyAt& found : world_.keys_of(rule_.key, position)) {
    if (found.bytes == key) return std::move(found);
  }
  TOCSIN_ASSERT(false, "the event has the key");
}

// The alert's own expressions: the current event is the last one taken.
Context RuleRun::context_of(const Match& match, const std::string& key) const {
  return {world_, match.back().position, &rule_, &match, key_at(match.back().position, key).roles};
}

// A selected match: an alert, unless something takes it or holds it back.
bool RuleRun::give(const std::string& key, const Match& match, const Moment& moment) {
  const Context context = context_of(match, key);
  if (suppressor_.is_excepted(moment, context)) return false;
  if (!moment.at_deadline) world_.note_alerted(index_, moment.cause);
  if (suppressor_.holds_back(match, moment, context, key)) {
    suppressor_.note_suppressed(match, moment, context, key);
    return false;
  }
  raise(key, match, moment, suppressor_.note_alert(match, moment, context, key));
  return true;
}

void RuleRun::list(const Taken& taken, cep::BoundEventsWriter& to) const {
  const Row& row = world_.row(taken.position);
  const cep::Variable& variable = rule_.variables[taken.var.value];
  std::string_view as = variable.name;
  for (auto parent = variable.parent; as.empty() && parent;) {
    as = rule_.variables[parent->value].name;
    parent = rule_.variables[parent->value].parent;
  }
  if (as.empty()) as = taken.kind;
  to.begin(as, row.type, row.ts);
  to.identify(identity_of(world_, taken.position));
  for (const cep::Captured& captured : rule_.captured) {
    if (captured.type != row.type) continue;
    for (const cep::FieldIndex field : captured.fields) {
      to.field(world_.field(taken.position, field));
    }
  }
}

void RuleRun::raise(const std::string& key, const Match& match, const Moment& moment,
                    std::uint64_t held) {
  const Row& cause = world_.row(moment.cause);
  Alert alert;
  alert.order = {moment.time,
                 moment.at_deadline ? cep::Phase::kTimer : cause.phase,
                 {0, static_cast<std::uint32_t>(cause.arrival)},
                 level_,
                 index_.value,
                 key_at(moment.cause, key).place,
                 key,
                 0};
  alert.rule = index_;
  alert.ts = moment.time;
  for (const Value& part : key_at(match.front().position, key).parts) alert.key.emplace_back(part);
  std::vector<std::string> identities;
  cep::BoundEventsWriter events;
  for (std::size_t i = 0; i < match.size(); ++i) {
    const Taken& taken = match[i];
    const Row& row = world_.row(taken.position);
    alert.late_us =
        std::max(alert.late_us, static_cast<std::uint64_t>((row.engine_time - row.ts).us));
    if (rule_.window && identities.size() == kWindowEventsShown) {
      ++alert.truncated;
      continue;
    }
    if (!rule_.window && i >= kEventsListed / 2 && i + kEventsListed / 2 < match.size() &&
        match.size() > kEventsListed) {
      ++alert.events_omitted;
      continue;
    }
    list(taken, events);
    identities.push_back(identity_of(world_, taken.position).bytes);
  }
  alert.events = events.pack();
  if (closing_) {
    identities = {"w" + big_endian(closing_->first.us) + big_endian(closing_->second.us)};
  }
  std::uint32_t& equals = given_[{key, moment.time, identities}];
  if (alert.events_omitted > 0) {
    identities.push_back(cep::identity_of_omitted(alert.events_omitted));
  }
  alert.digest = cep::alert_digest(rule_.id, key, moment.time, identities, equals++);
  const Context context = context_of(match, key);
  if (rule_.severity) {
    const Value severity = evaluate(*rule_.severity, context);
    if (!severity.is_missing()) {
      alert.severity = static_cast<cep::Severity>(static_cast<int>(severity.number));
    }
  }
  for (const cep::MessagePart& part : rule_.message) {
    alert.message += part.expr ? to_text(evaluate(*part.expr, context)) : part.text;
  }
  for (const cep::AlertField& field : rule_.fields) {
    alert.fields.emplace_back(evaluate(*field.expr, context));
    if (field.name == "score") {
      alert.score_field = static_cast<std::int32_t>(alert.fields.size()) - 1;
    }
  }
  alert.held_back = held;
  alerts_.push_back(std::move(alert));
}
}  // namespace tocsin::oracle
