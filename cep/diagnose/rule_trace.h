/// Why a rule did and did not alert for one key, moment by moment. There is no matcher here: rules
/// derived from the traced ones (live_rules.h) run beside them in the engine itself, over the same
/// events, and what is told is what their alerts say. So a step that is told to be taken is one
/// that the engine took, and a condition that is told to be false is one that the engine evaluated.
/// What is remembered is bounded by the number of rules; whoever runs the plan keeps the moments.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "cep/data/alert.h"
#include "cep/diagnose/live_rules.h"
#include "cep/diagnose/near_miss_report.h"
#include "cep/engine/key_report.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
/// An event of a partial match, or of an alert, which has a name for it: `as`.
struct TracedEvent : TakenEvent {
  std::string as;
};
/// One thing that happened to a rule at a moment.
struct TraceNote {
  enum class Kind : std::uint8_t {
    kTaken,        // an event took a partial match on: `events`, the event included
    kRefused,      // an event came to `events`, which waited for `step`; `hindrances` say why not
    kInterrupted,  // an event ended the partial match `events`: `hindrances.front()` says of what
    kExpired,      // the partial match `events` came to its time, and waited for `step` until then
    kCollected,    // the window took the event
    kAlert,        // the alert `alert` was raised, with `events`
    kNoAlert,      // the match was complete, and gave no alert: `reason`
  };
  Kind kind = Kind::kTaken;
  RuleIndex rule;
  /// kTaken: what comes next; null where all steps are done. kRefused, kExpired: what it waited
  /// for.
  const Element* step = nullptr;
  std::size_t place = 0;               // of `step` among the outermost elements, from 0
  std::size_t places = 0;              // how many these are
  std::uint32_t done = 0, needed = 0;  // of a loop's events
  std::vector<TracedEvent> events;     // in order; the first few, and the last two
  std::uint64_t events_more = 0;       // that are not listed
  std::vector<Hindrance> hindrances;
  Duration limit;     // kExpired: the time that it had, in all or since its last event
  std::string alert;  // kAlert: its id
  Status status = Status::kLive;
  std::uint64_t suppressed = 0;    // kAlert: how many `once` and `at most` held back before it
  std::optional<NearMiss> reason;  // kNoAlert: its stop, hindrances, alerted, exception
};
/// What happened at an event, or at a deadline.
struct TracedMoment {
  Moment moment;
  std::optional<SeenEvent> event;  // at an event: which; may be an alert as one
  std::vector<TraceNote> notes;    // by rule
};
/// A rule and the key that it is traced for.
struct TracedRule {
  RuleIndex rule;
  std::vector<OwnedValue> key;  // by its parts
};

struct TraceLimits {
  std::size_t stages_max = 64;    // of a rule: places at which a partial match may wait
  std::size_t rules_max = 4'000;  // derived, in all
};

/// Threading: one caller at a time.
class RuleTracer {
 public:
  /// `plan` is that of `rules`. Fails with kLimit where so many rules cannot be traced at once.
  static Result<RuleTracer> of(std::shared_ptr<const Plan> plan, std::vector<TracedRule> rules,
                               const TraceLimits& limits = {});
  ~RuleTracer();
  RuleTracer(RuleTracer&&) noexcept;
  /// The plan with all that is to run: the rules of the plan before keep their places.
  const std::shared_ptr<const Plan>& plan() const { return plan_; }
  /// From this rule on they are derived.
  RuleIndex first_derived() const;
  /// Takes alerts of that plan, in order. Where the derived rules raised nothing for a time
  /// (Engine::mute_from()), only the alerts of the traced rules are known of it.
  void take(const std::vector<Alert>& alerts);
  /// What those said of moments before `before`, in order, each once. Time has passed on to it:
  /// some derived rules say of an event only then that nothing forbids it. The notes point into the
  /// plan.
  std::vector<TracedMoment> give(EventTime before);
  /// Whether a rule has more stages than are looked at.
  bool cut() const { return cut_; }

 private:
  enum class Role : std::uint8_t {
    kPrefix,
    kExtension,
    kInterruption,
    kExpiry,
    kSteps,
    kComplete,
    kUpTo,
    kWindowEvents,
  };
  struct Derived {
    std::size_t traced = 0;  // into rules_
    Role role = Role::kPrefix;
    DerivedRule rule;
    std::size_t stage = 0;  // of the rule's
    Clauses clauses = Clauses::kHaving;
    Hindrance interruption = {};  // kInterruption
  };
  struct Traced {
    TracedRule of;
    std::vector<PatternStage> stages;
    std::optional<EventTime> alerted;  // when it last did
  };
  class AtMoment;

  explicit RuleTracer(std::shared_ptr<const Plan> plan);
  AtMoment& at(const Moment& moment, std::size_t traced);
  void add(std::size_t traced, const TraceLimits& limits);
  void add_stage(std::size_t traced, std::size_t stage);
  void add_interruptions(std::size_t traced, std::size_t stage);
  void make_plan();
  bool is_of_key(const TracedRule& rule, const std::vector<OwnedValue>& key) const;

  std::shared_ptr<const Plan> before_, plan_;
  std::vector<Traced> rules_;
  std::vector<Derived> derived_;
  std::map<Moment, std::map<std::size_t, AtMoment>> said_;  // by traced rule
  bool cut_ = false;
};
}  // namespace tocsin::cep
