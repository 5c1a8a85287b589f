/// The ways through a rule's pattern, one event after another: all of them, each going on alone.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cep/plan/rule.h"
#include "cep/value/time.h"
#include "tests/support/oracle_expr.h"
#include "tests/support/oracle_world.h"

namespace tocsin::oracle {
/// Where something stands in the order: at an event, or at a time that an event set.
struct Moment {
  cep::EventTime time;
  bool at_deadline = false;
  Position cause = 0;  // the event, or the one that set the deadline
};
using Match = std::vector<Taken>;  // in the order taken, at least one

/// One event of a key, as some of its roles.
struct Offer {
  Position position = 0;
  std::vector<std::string> roles;
};

/// How an element is reached from the last event taken. What a group says of it holds inside: the
/// contiguity for the first element there, the gap for the first event.
struct Reach {
  std::optional<cep::Contiguity> contiguity;  // absent: the element's own
  std::optional<cep::Duration> gap;
};
/// What remains to be done after an element.
struct Task {
  enum class Kind : std::uint8_t { kElement, kRoundEnd, kMembers };
  Kind kind = Kind::kElement;
  const cep::Element* element = nullptr;
  // kRoundEnd: of a group
  std::uint32_t rounds = 0;                   // done, with this one
  std::size_t taken_before = 0;               // how many events were taken before this round
  std::optional<cep::Contiguity> outer = {};  // what a group around it said
  // kMembers: of an `all of`
  std::vector<bool> done = {};
};
/// An absence that guards from the last event taken on.
struct Guard {
  const cep::Element* absence = nullptr;
  bool before_optional = false;  // an optional element stood after it
};
/// A partial match: what it has taken, and the one thing that it waits for.
struct Way {
  enum class Waits : std::uint8_t { kStep, kLoop, kNextEvent, kDeadline };
  Match taken;
  Waits waits = Waits::kStep;
  const cep::Element* step = nullptr;       // kStep, kLoop
  std::uint32_t count = 0;                  // kLoop: events of this loop so far
  Reach reach;                              // kStep
  std::vector<Guard> guards;                // absences
  std::vector<const cep::Element*> greedy;  // kStep: loops that were left
  std::vector<Task> rest;                   // after the step; the next one last
  bool first_offer = true;                  // no event came since the last one taken
  // When time alone ends it: it dies, or with kDeadline it completes.
  std::optional<cep::EventTime> limit;
  Position limit_set_by = 0;
};

class Pattern {
 public:
  Pattern(const World& world, const cep::Rule& rule) : world_(world), rule_(rule) {}

  /// Offers an event to all ways and to a fresh one. `ways` are those that live on; the result is
  /// the matches that complete.
  std::vector<Match> offer(std::vector<Way>& ways, const Offer& event) const;

 private:
  struct State {
    Match taken;
    std::vector<Task> agenda;  // the next one last
    std::vector<Guard> guards;
    std::vector<const cep::Element*> greedy;
    Reach reach;  // what groups around the next element say
  };
  // Where branches go.
  struct Branches {
    std::vector<Way> ways;
    std::vector<Match> matches;
  };

  void expand(State state, Branches& out) const;
  void element(const cep::Element& element, State state, Branches& out) const;
  static bool is_member(const State& state);
  void begin_round(const cep::Element& group, std::uint32_t done,
                   std::optional<cep::Contiguity> outer, State state, Branches& out) const;
  void end_round(const Task& end, State state, Branches& out) const;
  void members(const Task& task, const State& state, Branches& out) const;
  void finish(State state, Branches& out) const;
  void set_limit(Way& way) const;

  void offer_to(const Way& way, const Offer& event, Branches& out) const;
  void offer_to_loop(const Way& way, const Offer& event, Branches& out) const;
  void offer_to_step(const Way& way, const Offer& event, Branches& out) const;
  void begin(const Offer& event, Branches& out) const;
  void take(const Way& way, const Offer& event, Branches& out) const;
  void complete_only(const Way& way, const Offer& event, Branches& out) const;
  static void live_on(const Way& way, Branches& out);

  bool fits(const cep::Element& step, const Way& way, const Offer& event) const;
  bool ends_loop(const cep::Element& step, const Way& way, const Offer& event) const;
  bool is_forbidden(const Way& way, const Offer& event) const;
  bool is_forbidden_at_all(const Way& way, const Offer& event) const;
  bool matches(const Guard& guard, const Way& way, const Offer& event) const;
  bool is_without(const Way& way, const Offer& event) const;
  bool greedy_forbids(Way& way, const Offer& event) const;
  bool conjuncts_hold(const cep::Expr& where, const Context& context, cep::VarIndex own,
                      bool first) const;
  Match with(const Match& taken, const cep::Element& step, const Offer& event) const;
  cep::EventTime time(Position position) const { return world_.row(position).engine_time; }

  const World& world_;
  const cep::Rule& rule_;
};
}  // namespace tocsin::oracle
