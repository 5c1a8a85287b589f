/// One rule over all rows: its keys, deadlines, selection and alerts.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "cep/data/alert.h"
#include "cep/data/bound_events_writer.h"
#include "cep/plan/rule.h"
#include "cep/value/identity.h"
#include "tests/support/oracle_match.h"
#include "tests/support/oracle_suppress.h"
#include "tests/support/oracle_world.h"

namespace tocsin::oracle {
/// A window of a rule that is open.
struct OpenWindow {
  cep::EventTime begin;
  std::optional<cep::EventTime> end;  // absent: no event of its kinds yet
  Position set_by = 0;
  Match collected;
};
class RuleRun {
 public:
  /// Deadlines after `end` do not pass.
  RuleRun(World& world, cep::RuleIndex rule, std::uint32_t level, cep::EventTime end);
  /// The rule's alerts in the order in which they are raised; ordinals are 0.
  std::vector<cep::Alert> run();

 private:
  // What is alive under one key.
  struct KeyState {
    std::vector<Way> ways;
    std::vector<Match> waiting;  // complete, suppressed by `in order`
    std::optional<OpenWindow> window;
  };
  struct Timer {
    cep::EventTime at;
    std::size_t arrival = 0;  // of what set it
    std::uint32_t place = 0;  // of the role
    std::string key;
    Position set_by = 0;
    friend auto operator<=>(const Timer&, const Timer&) = default;
  };

  bool is_seen(Position position) const;
  void offer(const KeyAt& key, Position position);
  std::pair<cep::EventTime, cep::EventTime> stretch_at(cep::EventTime time) const;
  void collect(KeyState& state, const Offer& event);
  void pass_until(cep::EventTime time);
  std::optional<Timer> next_timer() const;
  void fire(const Timer& timer);
  void close(const std::string& key, const OpenWindow& window);

  // Selection.
  void complete(const std::string& key, std::vector<Match> matches, const Moment& moment);
  void select_default(const std::string& key, const std::vector<Match>& matches,
                      const Moment& moment);
  void select_skipping(const std::string& key, std::vector<Match> matches, const Moment& moment);
  void release(const std::string& key, const Moment& moment);
  bool is_dropped(const Match& other, const Match& given) const;
  void drop(KeyState& state, std::vector<Match>& matches, const Match& given) const;

  // Alerts.
  Context context_of(const Match& match, const std::string& key) const;
  KeyAt key_at(Position position, const std::string& key) const;
  bool give(const std::string& key, const Match& match, const Moment& moment);
  void raise(const std::string& key, const Match& match, const Moment& moment, std::uint64_t held);
  void list(const Taken& taken, cep::BoundEventsWriter& to) const;

  World& world_;
  cep::RuleIndex index_;
  const cep::Rule& rule_;
  std::uint32_t level_;
  cep::EventTime end_;
  Pattern pattern_;
  Suppressor suppressor_;
  std::map<std::string, KeyState> keys_;
  std::optional<std::pair<cep::EventTime, cep::EventTime>> closing_;  // the window being given
  std::vector<cep::Alert> alerts_;
  std::map<std::tuple<std::string, cep::EventTime, std::vector<std::string>>, std::uint32_t> given_;
};
/// The identity of an event, or of an alert as an event.
cep::EventIdentity identity_of(const World& world, Position position);
}  // namespace tocsin::oracle
