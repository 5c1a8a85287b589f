/// The conditions of one match that is known, an alert's: what stood in each of them when its event
/// was taken. Rules derived from the alert's rule run beside it over the same events, each for the
/// events of the match alone, and say as fields of their alerts what the conditions are and which
/// values they saw: features, lists and tables as they were at that event.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/base/result.h"
#include "cep/data/alert.h"
#include "cep/diagnose/near_miss_rules.h"
#include "cep/diagnose/pinned_events.h"
#include "cep/diagnose/rule_trace.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
/// The match of an alert.
struct KnownMatch {
  std::string alert;               // its id
  std::vector<MatchEvent> events;  // in the order taken
  std::uint64_t events_more = 0;   // that the alert does not list
};
/// A condition, and what stood in it.
struct StoodCondition {
  enum class Clause : std::uint8_t { kKind, kWhere, kWindow, kHaving, kExcept };
  Clause clause = Clause::kWhere;
  ExprPtr condition;      // of the plan
  bool is_known = false;  // whether the events said what follows
  OwnedValue result;      // true, false, or missing
  std::vector<SeenValue> values;
};
/// How much is asked of one match. Conditions that read events which the match took before need a
/// rule for each event: they are asked of the first and the last events that have such conditions.
struct MatchLimits {
  std::size_t events_with_past_max = 64;
};

/// Threading: one caller at a time.
class MatchConditions {
 public:
  /// `plan` is that of `rule`. Events whose step cannot be told have no conditions.
  static MatchConditions of(std::shared_ptr<const Plan> plan, TracedRule rule, KnownMatch match,
                            const MatchLimits& limits = {});
  /// The plan with all that is to run: the rules of the plan before keep their places.
  const std::shared_ptr<const Plan>& plan() const { return plan_; }
  const Rule& rule() const;
  /// Takes alerts of that plan, in order.
  void take(const std::vector<Alert>& alerts);

  /// The conditions of each event of the match, in the order of the rule's text.
  const std::vector<std::vector<StoodCondition>>& of_events() const { return of_events_; }
  /// The steps that the events were taken for; nothing where that cannot be told.
  const std::vector<std::optional<VarIndex>>& vars() const { return vars_; }
  /// Which of the events came.
  const std::vector<bool>& came() const { return came_; }
  /// The conditions on the whole match.
  std::vector<StoodCondition> of_match() const;
  /// Whether the alert was raised again.
  bool is_raised() const { return raised_.has_value(); }

 private:
  // Conditions of a derived rule, and which of an event's they are.
  struct Derived {
    enum class Role : std::uint8_t { kStep, kPast, kComplete };
    Role role = Role::kStep;
    DerivedRule rule;
    VarIndex var = {};                // kStep
    std::size_t event = 0;            // kPast
    std::vector<std::size_t> places;  // kPast, by asked condition: among those of the event
  };
  struct Complete {
    std::size_t derived = 0;
    Moment moment;
    std::vector<std::string> events;  // identities
    std::vector<OwnedValue> fields;
  };
  struct StepText;
  static constexpr std::size_t kCompleteMax = 1000;  // matches of one moment

  MatchConditions(std::shared_ptr<const Plan> plan, TracedRule rule, KnownMatch match)
      : before_(std::move(plan)), rule_(std::move(rule)), match_(std::move(match)) {}
  void find_variables();
  void add_step(const StepText& step);
  void add_past(const MatchLimits& limits, const std::vector<StepText>& steps);
  void add_past_of(std::size_t event, const std::vector<StepText>& steps);
  void add_complete();
  void make_plan();
  bool is_of_key(const std::vector<OwnedValue>& key) const;
  bool is_event(std::size_t event, const SeenEvent& seen) const;
  void take_of_event(const Derived& derived, const Alert& alert);
  static Complete complete_of(std::size_t derived, const Alert& alert);
  void note(const Derived& derived, const DerivedMatch& match, std::size_t event,
            const std::vector<std::size_t>& places);
  static void put(const AskedCondition& asked, const std::vector<OwnedValue>& fields,
                  StoodCondition& to);

  std::shared_ptr<const Plan> before_, plan_;
  TracedRule rule_;
  KnownMatch match_;
  std::vector<std::optional<VarIndex>> vars_;  // by event
  std::vector<bool> came_;                     // by event
  std::vector<std::vector<StoodCondition>> of_events_;
  // By event: the places of what the rule of its step asks; SIZE_MAX: it is not about the event.
  std::vector<std::vector<std::size_t>> places_;
  std::vector<Derived> derived_;
  std::optional<Complete> raised_;  // the alert
  std::vector<Complete> complete_;  // of the moment of the alert, or of the last one before it
};
}  // namespace tocsin::cep
