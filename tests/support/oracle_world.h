/// What the oracle knows while it works: the events in their places, keys, features by scanning,
/// and expressions by walking their trees.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/plan.h"
#include "cep/value.h"
#include "tests/support/oracle.h"

namespace tocsin::oracle {
using Position = std::size_t;  // of an event in the order

/// An event that a match has taken, and for which element of the pattern.
struct Taken {
  Position position = 0;
  std::size_t element = 0;
  cep::VarIndex var;
};

class World {
 public:
  World(const cep::Plan& plan, const std::vector<PlacedEvent>& events, std::size_t work_max)
      : plan_(plan), events_(events), work_max_(work_max) {}

  const cep::Plan& plan() const { return plan_; }
  const std::vector<PlacedEvent>& events() const { return events_; }
  const PlacedEvent& event(Position position) const { return events_[position]; }
  cep::Value field(Position position, cep::FieldIndex index) const;

  /// The parts of a key at an event; nothing when one is missing or the event's type has none.
  std::optional<std::vector<cep::Value>> key_of(const cep::KeySpec& key, Position position) const;
  /// The first subset that the event is in: its type and condition.
  const cep::Subset* subset_of(const std::vector<cep::Subset>& subsets, Position position) const;
  /// A feature's value as of an event, by the event's own key.
  cep::Value feature(cep::FeatureIndex index, Position position) const;

  /// Counts one unit of work; false when there was too much.
  bool spend() const { return ++work_ <= work_max_; }
  bool exhausted() const { return work_ > work_max_; }
  std::size_t work() const { return work_; }

 private:
  cep::Value feature_by_scan(const cep::Feature& feature, Position position) const;

  const cep::Plan& plan_;
  const std::vector<PlacedEvent>& events_;
  std::size_t work_max_;
  mutable std::size_t work_ = 0;
  // Values found before: only to be quicker, a scan gives the same again.
  mutable std::map<std::pair<std::uint32_t, Position>, cep::Value> features_found_;
};

/// Where an expression is asked: at a current event, with what a match has taken so far.
struct Context {
  const World& world;
  Position current = 0;
  const cep::Rule* rule = nullptr;                  // absent in kinds and features
  const std::vector<Taken>* taken = nullptr;        // absent in kinds and features
  std::optional<cep::VarIndex> own = std::nullopt;  // the loop that `prev` is about
};
/// The value of an expression. Its text is borrowed from the plan or an event.
cep::Value evaluate(const cep::Expr& expr, const Context& context);
}  // namespace tocsin::oracle
