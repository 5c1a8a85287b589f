/// What the oracle knows while it works: the events and alerts in their places, keys, and features
/// by scanning.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/key_spec.h"
#include "cep/plan/plan.h"
#include "cep/value/order.h"
#include "cep/value/value.h"

namespace tocsin::oracle {
using Position = std::size_t;  // of an event in the order

/// An event, or an alert as an event, in its place.
struct Row {
  std::size_t number = 0;  // its own for as long as the oracle works; a position changes
  cep::EventTypeIndex type;
  cep::EventTime engine_time;
  cep::EventTime ts;
  std::vector<cep::OwnedValue> fields;
  std::uint32_t equal_number = 0;
  std::size_t arrival = 0;  // of the event, or of the alert's cause
  cep::Phase phase = cep::Phase::kEvent;
  std::string alert_id;  // of an alert
};

/// A key that an event has, by some of its roles.
struct KeyAt {
  std::vector<std::string> roles;  // none where the key has no roles
  std::uint32_t place = 0;         // of the first of them among the event type's
  std::vector<cep::Value> parts;
  std::string bytes;
};

/// An event that a match has taken, and for which step.
struct Taken {
  Position position = 0;
  cep::VarIndex var;
  std::string kind;  // the name of the kind that it was taken as
};

class World {
 public:
  World(const cep::Plan& plan, std::size_t work_max) : plan_(plan), work_max_(work_max) {}

  const cep::Plan& plan() const { return plan_; }
  const std::vector<Row>& rows() const { return rows_; }
  const Row& row(Position position) const { return rows_[position]; }
  /// Puts rows into their places; all positions may change.
  void add_rows(std::vector<Row> rows);
  /// Takes the alerts out again.
  void remove_alerts();
  cep::Value field(Position position, cep::FieldIndex index) const;

  /// The keys of an event: one, or one for each of its roles whose keys differ; none where a part
  /// is missing or the event's type has none.
  std::vector<KeyAt> keys_of(const cep::KeySpec& key, Position position) const;
  /// The first subset that the event is in, as the given roles: its type, role and condition.
  const cep::Subset* subset_of(const std::vector<cep::Subset>& subsets, Position position,
                               const std::vector<std::string>& roles) const;
  /// A feature's value as of an event; under the given key.
  cep::Value feature(cep::FeatureIndex index, Position position, const std::string& key) const;

  /// Notes that a rule raised or held back an alert at an event.
  void note_alerted(cep::RuleIndex rule, Position position) {
    alerted_.insert({rule.value, rows_[position].number});
  }

  /// Keeps a text for as long as the world.
  std::string_view keep(std::string text) const {
    texts_.push_back(std::move(text));
    return texts_.back();
  }

  /// Counts one unit of work; false when there was too much.
  bool spend() const { return ++work_ <= work_max_; }
  bool exhausted() const { return work_ > work_max_; }
  std::size_t work() const { return work_; }

 private:
  cep::Value feature_by_scan(const cep::Feature& feature, Position position,
                             const std::string& key) const;
  bool is_in_feature(const cep::Feature& feature, Position position, const std::string& key) const;

  const cep::Plan& plan_;
  std::vector<Row> rows_;
  std::set<std::pair<std::uint32_t, std::size_t>> alerted_;  // rule, number of the row
  std::size_t work_max_;
  mutable std::size_t work_ = 0;
  mutable std::deque<std::string> texts_;
  // Found before, only to be quicker: looking again gives the same.
  mutable std::map<std::tuple<std::uint32_t, Position, std::string>, cep::Value> features_found_;
  // What a feature makes of an event.
  struct Taken {
    bool in_window = false;
    bool counts = false;
    cep::Value value;
  };
  const Taken& taken_at(const cep::Feature& feature, Position p) const;
  mutable std::map<std::pair<std::uint32_t, Position>, Taken> taken_found_;
};
}  // namespace tocsin::oracle
