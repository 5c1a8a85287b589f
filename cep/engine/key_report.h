/// What an engine remembers of one key, for people: which partial matches there are and how far
/// they came, what is suppressed, what windows are open and what features say now. Everything is
/// data; whoever shows it makes the words.
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cep/base/index.h"
#include "cep/base/result.h"
#include "cep/value/time.h"
#include "cep/value/value.h"

namespace tocsin::cep {
class Program;

/// The events that a partial match, or an open window, has taken under one name.
struct ReportedEvents {
  std::string name;  // the step's; of one without a name its kind's
  std::uint64_t count = 0;
  EventTime first;
  EventTime last;
};
/// A partial match, or a complete one that waits for its time.
struct ReportedMatch {
  std::uint32_t step = 0;              // whose event it took last, from 1, in the order written
  std::uint32_t steps = 0;             // that the rule has
  bool is_complete = false;            // all events are taken
  std::string waits_for;               // the name of the step whose event takes it on; may be empty
  std::vector<ReportedEvents> events;  // by name, in the order of their first events
  EventTime since;                     // its first event
  std::optional<EventTime> expires;    // by then it has to be complete
  std::optional<EventTime> deadline;  // of a complete one: its alert comes then, if nothing forbids
};
/// A session or tumbling window that is open.
struct ReportedWindow {
  EventTime begin;
  std::optional<EventTime> end;  // of a session: as it stands now; absent: none of its kinds came
  ReportedEvents events;
};
/// What `once` and `at most` hold back of the rule's own key; what they hold back by other values
/// (`for each`) is of no key.
struct ReportedSuppression {
  bool is_quiet = false;                 // an alert now would be held back
  std::optional<EventTime> quiet_until;  // where time alone ends it
  std::uint64_t held_back = 0;           // since the last alert
};
struct ReportedRule {
  RuleIndex rule;
  std::vector<ReportedMatch> matches;  // the oldest first
  std::uint64_t more_matches = 0;      // that are not listed
  std::optional<ReportedWindow> window;
  std::optional<ReportedSuppression> suppression;  // where there is anything to say
  std::uint64_t lost_runs = 0;                     // to a budget, since the last alert
};
struct ReportedFeature {
  FeatureIndex feature;
  OwnedValue value;  // now; missing too where a field of an event is needed to tell
};
struct KeyReport {
  EventTime at;                           // the engine's watermark
  bool is_known = false;                  // anything is remembered of the key
  std::vector<ReportedRule> rules;        // that remember something of it, in the plan's order
  std::vector<ReportedFeature> features;  // all of this key, in the plan's order
};

/// What to report: a key of one table.
struct KeyQuery {
  std::uint32_t table = 0;
  std::string key;               // its bytes (cep/value/key.h)
  std::size_t matches_max = 20;  // listed of one rule
};
/// The tables of rules and features `by` exactly these parts, in any order, with their values as
/// people write them ("c1", "10.50", "true", "2026-03-02T10:00:00Z"). A part is called what some
/// `by` calls it. kNotFound where no rule or feature is by these, with those that there are;
/// kInvalidArgument for a value that none of them can have.
Result<std::vector<KeyQuery>> find_keys(
    const Program& program, const std::vector<std::pair<std::string, std::string>>& parts);

/// A value that one part of a table's key may have.
struct KeyPartQuery {
  std::uint32_t table = 0;
  std::uint32_t part = 0;
  std::string bytes;  // of the part alone (cep/value/key.h)
};
/// What erases a person: the parts that some `by` calls `name`, of all tables' keys, as far as they
/// can have the value, which is as people write it.
std::vector<KeyPartQuery> find_key_parts(const Program& program, const std::string& name,
                                         const std::string& value);
/// The members of input in which events have what some `by`, or a declaration, calls `name`, by
/// their own names alone; `name` is one of them.
std::set<std::string> input_members(const Program& program, const std::string& name);

/// What an engine remembers of one rule over all keys.
struct RuleTotals {
  std::uint64_t keys = 0;             // that have a partial match
  std::uint64_t runs = 0;             // partial matches
  std::uint64_t captured_events = 0;  // that those hold
  std::uint64_t bytes = 0;            // as budgets count (cep/record/budget.h)
};
}  // namespace tocsin::cep
