#include "tests/support/oracle_world.h"

#include <algorithm>
#include <limits>

#include "cep/base/assert.h"
#include "cep/plan/feature.h"
#include "cep/plan/rule.h"
#include "cep/value/key.h"
#include "tests/support/oracle_aggregate.h"
#include "tests/support/oracle_calendar.h"
#include "tests/support/oracle_expr.h"

namespace tocsin::oracle {
using cep::EventTime;
using cep::Value;
using cep::WindowKind;

namespace {
std::int64_t floor_to(std::int64_t us, std::int64_t step) {
  const std::int64_t rest = us % step;
  return us - (rest < 0 ? rest + step : rest);
}
bool fits_64_bits(const Value& value) {
  return value.kind == cep::ValueKind::kFraction ||
         (value.number <= std::numeric_limits<std::int64_t>::max() &&
          value.number >= std::numeric_limits<std::int64_t>::min());
}
bool leaves_this_out(const cep::FeatureWindow& window) {
  return window.kind() == WindowKind::kPrevious || window.kind() == WindowKind::kPreviousEver ||
         window.kind() == WindowKind::kPreviousEvents;
}
}  // namespace

void World::add_rows(std::vector<Row> rows) {
  std::move(rows.begin(), rows.end(), std::back_inserter(rows_));
  // Stable: alerts come in the order in which they were raised, which is theirs at one cause.
  std::stable_sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) {
    const auto place = [](const Row& row) {
      return std::make_tuple(row.engine_time, row.phase, row.arrival, !row.alert_id.empty());
    };
    return place(a) < place(b);
  });
  features_found_.clear();
  taken_found_.clear();
}

void World::remove_alerts() {
  std::erase_if(rows_, [](const Row& row) { return !row.alert_id.empty(); });
  features_found_.clear();
  taken_found_.clear();
}

Value World::field(Position position, cep::FieldIndex index) const {
  const Row& row = rows_[position];
  return index.value < row.fields.size() ? row.fields[index.value].view() : Value::missing();
}

std::vector<KeyAt> World::keys_of(const cep::KeySpec& key, Position position) const {
  const cep::EventTypeIndex type = rows_[position].type;
  std::vector<std::string> roles;
  for (const cep::KeyPart& part : key.parts) {
    for (const cep::KeyMember& member : part.members) {
      const bool known = std::find(roles.begin(), roles.end(), member.role) != roles.end();
      if (member.type == type && !member.role.empty() && !known) roles.push_back(member.role);
    }
  }
  const bool has_roles = !roles.empty();
  if (!has_roles) roles.push_back("");
  std::vector<KeyAt> keys;
  for (std::size_t place = 0; place < roles.size(); ++place) {
    KeyAt found;
    for (const cep::KeyPart& part : key.parts) {
      const auto member =
          std::find_if(part.members.begin(), part.members.end(), [&](const cep::KeyMember& m) {
            return m.type == type && (m.role.empty() || m.role == roles[place]);
          });
      if (member == part.members.end()) break;
      const Value value = field(position, member->field);
      if (value.is_missing()) break;
      found.parts.push_back(value);
    }
    if (found.parts.size() != key.parts.size()) continue;
    found.bytes = cep::key_bytes(found.parts);
    found.place = static_cast<std::uint32_t>(place);
    if (has_roles) found.roles = {roles[place]};
    // Roles of one key are one.
    const auto same = std::find_if(keys.begin(), keys.end(),
                                   [&](const KeyAt& other) { return other.bytes == found.bytes; });
    if (same == keys.end()) {
      keys.push_back(std::move(found));
    } else {
      same->roles.push_back(roles[place]);
    }
  }
  return keys;
}

const cep::Subset* World::subset_of(const std::vector<cep::Subset>& subsets, Position position,
                                    const std::vector<std::string>& roles) const {
  for (const cep::Subset& subset : subsets) {
    if (subset.type != rows_[position].type) continue;
    if (!subset.role.empty() && std::find(roles.begin(), roles.end(), subset.role) == roles.end()) {
      continue;
    }
    if (!subset.condition || oracle::evaluate(*subset.condition, {*this, position}).is_true()) {
      return &subset;
    }
  }
  return nullptr;
}

Value World::feature(cep::FeatureIndex index, Position position, const std::string& key) const {
  const auto place = std::make_tuple(index.value, position, key);
  const auto found = features_found_.find(place);
  if (found != features_found_.end()) return found->second;
  const Value value = feature_by_scan(plan_.features[index.value], position, key);
  features_found_.emplace(place, value);
  return value;
}

// Whether the feature takes the event, alerts aside, and the value of its argument there.
bool World::is_in_feature(const cep::Feature& feature, Position position,
                          const std::string& key) const {
  const std::vector<KeyAt> keys = keys_of(feature.key, position);
  if (std::none_of(keys.begin(), keys.end(),
                   [&](const KeyAt& found) { return found.bytes == key; })) {
    return false;
  }
  const Row& row = rows_[position];
  const auto raiser = plan_.event_types[row.type.value].alert_of;
  if (raiser && plan_.rules[raiser->value].status == cep::Status::kShadow) return false;
  return !feature.unless_alerted_by ||
         !alerted_.contains({feature.unless_alerted_by->value, row.number});
}

// Whether the event counts for the feature, and its value. Asked once.
const World::Taken& World::taken_at(const cep::Feature& feature, Position p) const {
  const auto index = static_cast<std::uint32_t>(&feature - plan_.features.data());
  auto known = taken_found_.find({index, p});
  if (known == taken_found_.end()) {
    const Context context{*this, p};
    const auto holds = [&](const cep::ExprPtr& condition) {
      return !condition || oracle::evaluate(*condition, context).is_true();
    };
    Taken found;
    found.in_window = subset_of(feature.events, p, {}) != nullptr && holds(feature.window.where());
    found.counts = found.in_window && holds(feature.where);
    if (found.counts && feature.argument) {
      found.value = oracle::evaluate(*feature.argument, context);
      found.counts = !found.value.is_missing() && fits_64_bits(found.value);
    }
    known = taken_found_.emplace(std::pair{index, p}, found).first;
  }
  return known->second;
}

Value World::feature_by_scan(const cep::Feature& feature, Position position,
                             const std::string& key) const {
  const cep::FeatureWindow& window = feature.window;
  const EventTime now = rows_[position].engine_time;
  // All of the feature's kinds under this key up to here.
  std::vector<EventTime> times;
  std::vector<Taken> taken;
  for (Position p = 0; p < position + (leaves_this_out(window) ? 0 : 1); ++p) {
    if (!is_in_feature(feature, p, key)) continue;
    const Taken& here = taken_at(feature, p);
    if (!here.in_window) continue;
    times.push_back(rows_[p].engine_time);
    taken.push_back(here);
  }

  // Of these, the window's: from `begin` up to `end`.
  std::size_t begin = 0;
  std::size_t end = times.size();
  const auto begin_after = [&](EventTime edge) {
    while (begin < end && times[begin] <= edge) ++begin;
  };
  switch (window.kind()) {
    case WindowKind::kLast:
    case WindowKind::kPrevious: {
      EventTime edge = now - *window.duration();
      if (window.every()) edge.us = floor_to(edge.us, window.every()->us);
      begin_after(edge);
      while (window.excluding() && end > begin && times[end - 1] > now - *window.excluding()) --end;
      break;
    }
    case WindowKind::kTumbling:
      begin_after({floor_to(now.us, window.duration()->us) - 1});
      break;
    case WindowKind::kCalendar: {
      const Value zone = oracle::evaluate(*window.zone(), {*this, position});
      const auto shown = unit_in_zone(plan_, zone, window.unit(), now);
      if (!shown) return Value::missing();
      // A clock that is set back may show it twice, and another one between.
      for (std::size_t i = end; i > 0; --i) {
        if (unit_in_zone(plan_, zone, window.unit(), times[i - 1]) == shown) continue;
        times.erase(times.begin() + static_cast<std::ptrdiff_t>(i - 1));
        taken.erase(taken.begin() + static_cast<std::ptrdiff_t>(i - 1));
      }
      end = times.size();
      break;
    }
    case WindowKind::kSession: {
      // Only what counts begins a session or keeps it going.
      begin = end;
      EventTime later = now;
      for (std::size_t i = end; i > 0; --i) {
        if (!taken[i - 1].counts) continue;
        if (later - times[i - 1] >= *window.duration()) break;
        begin = i - 1;
        later = times[begin];
      }
      break;
    }
    case WindowKind::kEver:
    case WindowKind::kPreviousEver:
      break;
    case WindowKind::kLastEvents:
    case WindowKind::kPreviousEvents:
      if (window.duration()) begin_after(now - *window.duration());
      if (end - begin > *window.events()) begin = end - *window.events();
      break;
  }
  if (window.needs && end - begin < *window.needs) return Value::missing();
  std::vector<EventTime> counted_times;
  std::vector<Value> values;
  for (std::size_t i = begin; i < end; ++i) {
    if (!taken[i].counts) continue;
    counted_times.push_back(times[i]);
    values.push_back(taken[i].value);
  }
  return aggregate(feature.aggregate, feature.type, values, counted_times,
                   {feature.half_life, feature.weight, feature.percentile});
}
}  // namespace tocsin::oracle
