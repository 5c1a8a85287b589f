#include "tests/support/oracle.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "cep/base/assert.h"
#include "cep/identity.h"
#include "cep/key.h"
#include "tests/support/oracle_match.h"
#include "tests/support/oracle_world.h"

namespace tocsin::oracle {
using cep::Alert;
using cep::EventTime;
using cep::OwnedValue;
using cep::Rule;
using cep::Value;

namespace {
bool equal_contents(const Event& a, const Event& b) {
  if (a.type != b.type || a.ts != b.ts || a.fields.size() != b.fields.size()) return false;
  for (std::size_t i = 0; i < a.fields.size(); ++i) {
    if (!same_value(a.fields[i].view(), b.fields[i].view())) return false;
  }
  return true;
}

cep::EventIdentity identity_of(const World& world, Position position) {
  const PlacedEvent& event = world.event(position);
  const cep::EventType& type = world.plan().event_types[event.type.value];
  if (type.id_field) return cep::identity_of_id(type.name, world.field(position, *type.id_field));
  std::vector<Value> fields;
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    fields.push_back(world.field(position, cep::FieldIndex(i)));
  }
  return cep::identity_of_fields(type.name, fields, event.equal_number);
}

bool reads_another_key(const cep::Plan& plan, const Rule& rule, const cep::ExprPtr& expr) {
  if (!expr) return false;
  if (expr->op == cep::Op::kFeature) {
    const cep::KeySpec& key = plan.features[expr->feature.value].key;
    if (key.parts.size() != rule.key.parts.size()) return true;
    for (std::size_t i = 0; i < key.parts.size(); ++i) {
      for (const cep::KeyMember& mine : rule.key.parts[i].members) {
        for (const cep::KeyMember& other : key.parts[i].members) {
          if (mine.type == other.type && mine.field != other.field) return true;
        }
      }
    }
  }
  return std::any_of(expr->args.begin(), expr->args.end(),
                     [&](const cep::ExprPtr& arg) { return reads_another_key(plan, rule, arg); });
}

// ARCHITECTURE.md, Levels: one above a feature that is kept under another key.
std::uint32_t level_of(const cep::Plan& plan, const Rule& rule) {
  std::vector<cep::ExprPtr> all = {rule.having, rule.severity};
  for (const cep::Element& element : rule.pattern) all.push_back(element.where);
  for (const cep::MessagePart& part : rule.message) all.push_back(part.expr);
  for (const cep::AlertField& field : rule.fields) all.push_back(field.expr);
  return std::any_of(all.begin(), all.end(),
                     [&](const cep::ExprPtr& e) { return reads_another_key(plan, rule, e); })
             ? 1
             : 0;
}

// Matches that complete together, in the order of completion.
auto completion_of(const World& world, const Match& match) {
  return std::make_tuple(match.time, match.at_deadline ? 0 : 1, world.event(match.cause).arrival);
}

// The order among matches that complete together: began first, longest, least positions, least
// steps.
bool comes_before(const Match& a, const Match& b) {
  const auto keys = [](const Match& match) {
    std::vector<Position> positions;
    std::vector<std::size_t> elements;
    for (const Taken& taken : match.taken) {
      positions.push_back(taken.position);
      elements.push_back(taken.element);
    }
    return std::make_tuple(positions.front(), ~positions.size(), positions, elements);
  };
  return keys(a) < keys(b);
}

// One rule at one key: from all its matches to its alerts.
class Reporter {
 public:
  Reporter(const World& world, std::size_t rule_index, std::string key)
      : world_(world),
        plan_(world.plan()),
        rule_index_(rule_index),
        rule_(plan_.rules[rule_index]),
        level_(level_of(plan_, rule_)),
        key_(std::move(key)) {
    TOCSIN_ASSERT(rule_.suppression.once == cep::Once::kNone ||
                      rule_.suppression.once == cep::Once::kPerDuration,
                  "the oracle knows `once per D`");
    TOCSIN_ASSERT(rule_.suppression.for_each.empty(), "the oracle does not know `for each`");
    TOCSIN_ASSERT(!rule_.selection.in_order && !rule_.selection.prefer_latest,
                  "the oracle does not know `in order` and `prefer latest`");
  }

  std::vector<Alert> report(std::vector<Match> matches) {
    std::stable_sort(matches.begin(), matches.end(), [&](const Match& a, const Match& b) {
      return completion_of(world_, a) < completion_of(world_, b);
    });
    for (std::size_t begin = 0; begin < matches.size();) {
      std::size_t end = begin + 1;
      while (end < matches.size() &&
             completion_of(world_, matches[end]) == completion_of(world_, matches[begin])) {
        ++end;
      }
      std::vector<Match> together(matches.begin() + static_cast<std::ptrdiff_t>(begin),
                                  matches.begin() + static_cast<std::ptrdiff_t>(end));
      std::sort(together.begin(), together.end(), comes_before);
      select(together);
      begin = end;
    }
    return std::move(alerts_);
  }

 private:
  void select(const std::vector<Match>& together) {
    ordinal_ = 0;
    switch (rule_.selection.kind) {
      case cep::SelectionKind::kDefault: {
        const Match* first_held_back = nullptr;
        for (const Match& match : together) {
          if (!passes_having(match)) continue;
          if (!is_held_back(match)) {
            raise(match);
            return;
          }
          if (first_held_back == nullptr) first_held_back = &match;
        }
        if (first_held_back != nullptr) ++held_back_;
        return;
      }
      case cep::SelectionKind::kNoSkip:
        for (const Match& match : together) {
          if (passes_having(match)) raise_unless_held_back(match);
        }
        return;
      case cep::SelectionKind::kSkipPastLast:
        for (const Match& match : together) {
          // A match whose first event lies at or before the last event of one selected earlier was
          // dropped then.
          if (dropped_up_to_ && match.taken.front().position <= *dropped_up_to_) continue;
          if (!passes_having(match)) continue;
          dropped_up_to_ = match.taken.back().position;
          raise_unless_held_back(match);
        }
        return;
      default:
        break;
    }
    TOCSIN_ASSERT(false, "the oracle knows the default selection, `no skip` and `skip past last`");
  }

  // The alert's own expressions: the current event is the last one taken.
  Context context_of(const Match& match) const {
    return {world_, match.taken.back().position, &rule_, &match.taken, std::nullopt};
  }
  bool passes_having(const Match& match) const {
    return !rule_.having || evaluate(*rule_.having, context_of(match)).is_true();
  }
  bool is_held_back(const Match& match) const {
    return rule_.suppression.once == cep::Once::kPerDuration && last_alert_ &&
           match.time < *last_alert_ + rule_.suppression.duration;
  }
  void raise_unless_held_back(const Match& match) {
    if (is_held_back(match)) {
      ++held_back_;
    } else {
      raise(match);
    }
  }

  cep::BoundEvent bound_event(const Taken& taken, const cep::EventIdentity& identity) const {
    const PlacedEvent& event = world_.event(taken.position);
    const std::string& name = rule_.variables[taken.var.value].name;
    cep::BoundEvent bound;
    bound.as = !name.empty()
                   ? name
                   : world_.subset_of(rule_.pattern[taken.element].events, taken.position)->name;
    bound.type = event.type;
    bound.identity = identity.bytes;
    bound.id = identity.text;
    bound.ts = event.ts;
    for (const cep::Captured& captured : rule_.captured) {
      if (captured.type != event.type) continue;
      for (const cep::FieldIndex field : captured.fields) {
        bound.fields.emplace_back(world_.field(taken.position, field));
      }
    }
    return bound;
  }

  void raise(const Match& match) {
    Alert alert;
    alert.order = {match.time,
                   match.at_deadline ? cep::Phase::kTimer : cep::Phase::kEvent,
                   {0, static_cast<std::uint32_t>(world_.event(match.cause).arrival)},
                   level_,
                   static_cast<std::uint32_t>(rule_index_),
                   0,
                   key_,
                   ordinal_++};
    alert.rule = cep::RuleIndex(rule_index_);
    alert.ts = match.time;
    const auto key = world_.key_of(rule_.key, match.taken.front().position);
    for (const Value& part : *key) alert.key.emplace_back(part);
    std::vector<std::string> identities;
    for (const Taken& taken : match.taken) {
      const cep::EventIdentity identity = identity_of(world_, taken.position);
      identities.push_back(identity.bytes);
      alert.events.push_back(bound_event(taken, identity));
      const PlacedEvent& event = world_.event(taken.position);
      alert.late_us =
          std::max(alert.late_us, static_cast<std::uint64_t>((event.engine_time - event.ts).us));
    }
    std::uint32_t& equals = given_[{match.time, identities}];
    alert.id = cep::alert_id(rule_.id, key_, match.time, identities, equals++);
    const Context context = context_of(match);
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
      if (field.name == "score") alert.score = alert.fields.back();
    }
    alert.held_back = std::exchange(held_back_, 0);
    last_alert_ = match.time;
    alerts_.push_back(std::move(alert));
  }

  const World& world_;
  const cep::Plan& plan_;
  std::size_t rule_index_;
  const Rule& rule_;
  std::uint32_t level_;
  std::string key_;
  std::vector<Alert> alerts_;
  std::uint32_t ordinal_ = 0;
  std::optional<Position> dropped_up_to_;
  std::optional<EventTime> last_alert_;
  std::uint64_t held_back_ = 0;
  std::map<std::pair<EventTime, std::vector<std::string>>, std::uint32_t> given_;
};
}  // namespace

std::vector<PlacedEvent> place_events(const cep::Plan& plan, const std::vector<Event>& events,
                                      const Options& options) {
  std::vector<PlacedEvent> placed;
  EventTime watermark = cep::kEventTimeMin;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event& event = events[i];
    TOCSIN_ASSERT(event.fields.size() == plan.event_types[event.type.value].fields.size(),
                  "one value for each declared field");
    EventTime engine_time = event.ts;
    if (event.ts < watermark) {
      if (options.late == Late::kSide) continue;
      engine_time = watermark;
    }
    watermark = std::max(watermark, engine_time - options.bound);
    placed.push_back({i, event.type, engine_time, event.ts, event.fields, 0});
  }
  std::stable_sort(placed.begin(), placed.end(), [](const PlacedEvent& a, const PlacedEvent& b) {
    return a.engine_time < b.engine_time;
  });
  for (std::size_t i = 0; i < placed.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const bool equal = placed[j].engine_time == placed[i].engine_time &&
                         equal_contents(events[placed[j].arrival], events[placed[i].arrival]);
      if (equal) ++placed[i].equal_number;
    }
  }
  return placed;
}

std::optional<Outcome> evaluate(const cep::Plan& plan, const std::vector<PlacedEvent>& events,
                                const Options& options) {
  std::vector<PlacedEvent> seen;
  std::copy_if(events.begin(), events.end(), std::back_inserter(seen),
               [&](const PlacedEvent& event) { return event.engine_time <= options.end; });
  const World world(plan, seen, options.work_max);
  Outcome outcome;
  for (std::size_t r = 0; r < plan.rules.size(); ++r) {
    const Rule& rule = plan.rules[r];
    std::map<std::string, std::vector<Position>> by_key;
    for (Position p = 0; p < seen.size(); ++p) {
      const auto key = world.key_of(rule.key, p);
      if (!key || world.subset_of(rule.considered, p) == nullptr) continue;
      by_key[cep::key_bytes(*key)].push_back(p);
    }
    for (const auto& [key, positions] : by_key) {
      std::vector<Match> matches = all_matches(world, rule, positions, options.end);
      if (world.exhausted()) return std::nullopt;
      for (Alert& alert : Reporter(world, r, key).report(std::move(matches))) {
        outcome.alerts.push_back(std::move(alert));
      }
    }
  }
  if (world.exhausted()) return std::nullopt;
  std::stable_sort(outcome.alerts.begin(), outcome.alerts.end(),
                   [](const Alert& a, const Alert& b) { return a.order < b.order; });
  outcome.work = world.work();
  return outcome;
}
}  // namespace tocsin::oracle
