#include "tests/support/oracle_suppress.h"

#include <algorithm>

#include "cep/value/key.h"
#include "tests/support/oracle_calendar.h"

namespace tocsin::oracle {
using cep::Once;
using cep::Value;

std::string Suppressor::key_of(const std::vector<cep::ExprPtr>& for_each, const Context& context,
                               const std::string& key) {
  if (for_each.empty()) return key;
  std::string out;
  for (const cep::ExprPtr& expr : for_each) {
    const Value value = as_kept(evaluate(*expr, context));
    std::string part;
    if (!value.is_missing()) cep::append_key_part(part, value);
    out += std::to_string(part.size()) + ":" + part;
  }
  return out;
}
std::string Suppressor::once_key(const Context& context, const std::string& key) const {
  return key_of(rule_.suppression.for_each, context, key);
}
std::string Suppressor::most_key(const Context& context, const std::string& key) const {
  return key_of(rule_.suppression.at_most->for_each, context, key);
}
std::string Suppressor::count_key(const Context& context, const std::string& key) const {
  const bool only_most = rule_.suppression.kind() == Once::kNone && rule_.suppression.at_most;
  return only_most ? most_key(context, key) : once_key(context, key);
}

void Suppressor::see(const Offer& event, const std::string& key) {
  if (rule_.suppression.kind() != Once::kWhile) return;
  const std::vector<Taken> nothing;
  const Context context{world_, event.position, &rule_, &nothing, event.roles};
  if (!evaluate(*rule_.suppression.condition(), context).is_true()) {
    quiet_.erase(once_key(context, key));
  }
}

bool Suppressor::is_excepted(const Moment& moment, const Context& last) const {
  return std::any_of(rule_.exceptions.begin(), rule_.exceptions.end(),
                     [&](const cep::Exception& exception) {
                       if (exception.expires && moment.time.us >= *exception.expires * cep::kDayUs)
                         return false;
                       return evaluate(*exception.condition, last).is_true();
                     });
}

bool Suppressor::once_holds_back(const Match& match, const Moment& moment, const Context& last,
                                 const std::string& key) const {
  const cep::Suppression& suppression = rule_.suppression;
  const std::string mine = once_key(last, key);
  switch (suppression.kind()) {
    case Once::kNone:
      return false;
    case Once::kPerDuration: {
      const auto before = last_alert_.find(mine);
      return before != last_alert_.end() && moment.time < before->second + suppression.duration();
    }
    case Once::kPerVariable: {
      const std::vector<Position> events = events_of(rule_, match, suppression.var());
      return std::any_of(events.begin(), events.end(), [&](Position event) {
        return had_.contains({mine, event});
      });
    }
    case Once::kPerUnit: {
      const auto now = unit_in_zone(world_.plan(), evaluate(*suppression.zone(), last),
                                    suppression.unit(), moment.time);
      const auto before = units_.find(mine);
      return now && before != units_.end() && before->second.contains(*now);
    }
    case Once::kWhile:
      return quiet_.contains(mine);
  }
  return false;
}

bool Suppressor::at_most_holds_back(const Moment& moment, const Context& last,
                                    const std::string& key) const {
  if (!rule_.suppression.at_most) return false;
  const auto before = alert_times_.find(most_key(last, key));
  if (before == alert_times_.end()) return false;
  const auto recent =
      std::count_if(before->second.begin(), before->second.end(), [&](cep::EventTime time) {
        return time > moment.time - rule_.suppression.at_most->duration;
      });
  return recent >= std::ptrdiff_t{rule_.suppression.at_most->count};
}

bool Suppressor::holds_back(const Match& match, const Moment& moment, const Context& last,
                            const std::string& key) const {
  return once_holds_back(match, moment, last, key) || at_most_holds_back(moment, last, key);
}

void Suppressor::note_suppressed(const Match& match, const Moment& moment, const Context& last,
                                 const std::string& key) {
  if (ends_by_last_held() && is_forgotten(moment, last, key)) held_back_[count_key(last, key)] = 0;
  ++held_back_[count_key(last, key)];
  last_held_[count_key(last, key)] = moment.time;
  // A match that `once` holds back has still taken its events.
  if (rule_.suppression.kind() == Once::kPerVariable && once_holds_back(match, moment, last, key)) {
    for (const Position event : events_of(rule_, match, rule_.suppression.var())) {
      had_.insert({once_key(last, key), event});
    }
  }
}

// Nothing says when the quiet was over, or only for other values than the count's.
bool Suppressor::ends_by_last_held() const {
  const cep::Suppression& suppression = rule_.suppression;
  if (suppression.kind() == Once::kPerVariable || suppression.kind() == Once::kWhile) return true;
  return suppression.at_most &&
         (!suppression.for_each.empty() || !suppression.at_most->for_each.empty());
}

// Thirty days after the last moment at which anything may have been held back, or was.
bool Suppressor::is_forgotten(const Moment& moment, const Context& last,
                              const std::string& key) const {
  constexpr cep::Duration kKept{30 * cep::kDayUs};
  const cep::Suppression& suppression = rule_.suppression;
  const auto is_over = [&](cep::EventTime end) { return end + kKept <= moment.time; };
  if (ends_by_last_held()) {
    const auto held = last_held_.find(count_key(last, key));
    return held == last_held_.end() || is_over(held->second);
  }
  if (const auto before = last_alert_.find(once_key(last, key));
      before != last_alert_.end() && !is_over(before->second + suppression.duration())) {
    return false;
  }
  if (const auto units = units_.find(once_key(last, key)); units != units_.end()) {
    // Two days later it is over in every zone.
    const std::int64_t next = next_unit(suppression.unit(), *units->second.rbegin());
    if (!is_over(cep::EventTime{(next + 2) * cep::kDayUs})) return false;
  }
  if (!suppression.at_most) return true;
  const auto times = alert_times_.find(most_key(last, key));
  return times == alert_times_.end() ||
         is_over(times->second.back() + suppression.at_most->duration);
}

std::uint64_t Suppressor::note_alert(const Match& match, const Moment& moment, const Context& last,
                                     const std::string& key) {
  const cep::Suppression& suppression = rule_.suppression;
  if (is_forgotten(moment, last, key)) held_back_.erase(count_key(last, key));
  switch (suppression.kind()) {
    case Once::kNone:
      break;
    case Once::kPerDuration:
      last_alert_[once_key(last, key)] = moment.time;
      break;
    case Once::kPerVariable:
      for (const Position event : events_of(rule_, match, suppression.var())) {
        had_.insert({once_key(last, key), event});
      }
      break;
    case Once::kPerUnit:
      if (const auto now = unit_in_zone(world_.plan(), evaluate(*suppression.zone(), last),
                                        suppression.unit(), moment.time)) {
        units_[once_key(last, key)].insert(*now);
      }
      break;
    case Once::kWhile:
      quiet_.insert(once_key(last, key));
      break;
  }
  if (suppression.at_most) alert_times_[most_key(last, key)].push_back(moment.time);
  const auto held = held_back_.find(count_key(last, key));
  if (held == held_back_.end()) return 0;
  const std::uint64_t count = held->second;
  held_back_.erase(held);
  return count;
}
}  // namespace tocsin::oracle
