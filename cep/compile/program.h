/// What cep::compile makes of a plan: everything that running needs and that can be known before
/// the first event. Immutable and shared by engines, apart from the entries of lists and tables
/// (cep/data/reference_data.h); state lies elsewhere (cep/record/key_record.h).
///
/// - **Atoms** (cep/compile/atoms.h): each distinct test of one event, evaluated once over a slice.
/// - **Predicates**: boolean combinations of atoms, one for each step, absence and feature, by
///   event type. Of one table equal ones are one. A row finds those that hold at it by a bit each
///   in its mask, or by the values of its fields (cep/compile/predicate_index.h).
/// - **Tables**: all operators (features and rules) with one key expression share one.
/// - **Passes**: a slice is worked through in passes (cep/plan/operator_graph.h). An operator reads
///   features of its own table and pass in place, right after they took the event; others from
///   value columns, which **probes** wrote in the feature's pass at the rows whose atoms let a
///   reader use them.
/// - **Sources** of keys: the fields of the key, one source for each place of a role; for probes
///   under another field, its arguments. A row is seen once under each different key.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cep/aggregate/accumulator.h"
#include "cep/base/number_lists.h"
#include "cep/compile/atoms.h"
#include "cep/compile/places_bounds.h"
#include "cep/compile/suppression_life.h"
#include "cep/compile/word_test.h"
#include "cep/data/reference_data.h"
#include "cep/data/text_search.h"
#include "cep/plan/contiguity.h"
#include "cep/plan/event_comparison.h"
#include "cep/plan/expr.h"
#include "cep/plan/key_spec.h"
#include "cep/plan/limits.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/identity.h"

namespace tocsin::cep {
struct PredicateIndex;
// Kinds of one step: 15 bits of a captured event's place say which one it was.
inline constexpr std::uint16_t kKindsMax = 1U << 15;
/// A boolean combination of atoms, by event type, in postfix. An event type without entries never
/// satisfies it.
struct Predicate {
  std::vector<AtomFormula> by_type;  // and of the places of roles after the first: theirs
};

/// One conjunct that is asked of the event on offer besides the predicate of its step.
struct Conjunct {
  const Expr* expr = nullptr;
  bool of_first = true;  // asked of a loop's first event too
  std::optional<WordTest> words;
  std::optional<SumTest> sum;
  std::optional<FeatureTest> feature;
};
/// A step's or an absence's test of the event on offer.
struct ElementProgram {
  const Element* element = nullptr;
  std::uint32_t predicate = 0;  // of the table's
  std::uint32_t place = 0;  // among the rule's elements that have `by_row`: their cached answers
  std::vector<Conjunct> by_row;  // the same for all runs of a key: features, key parts
  std::vector<Conjunct> by_run;  // read what the run has bound
};
struct StepProgram {
  ElementProgram take;
  std::uint32_t min = 1;
  std::uint32_t max = 1;  // kUnbounded
  LoopMode mode = LoopMode::kRelaxed;
  // Of PatternProgram::sequence alone:
  bool has_until = false;  // an event may end its loop
  bool is_greedy = false;  // no event that fits it is passed by before the next step
  Contiguity contiguity = Contiguity::kAny;
  std::optional<Duration> gap;  // its first event comes less than that after the event before
  std::vector<ElementProgram> guards;  // absences between this step and the next, or after the last
  /// The last step, up to this one, whose events anything later reads; -1: none. Runs that stand
  /// here and agree on those events have the same future.
  int live_step = -1;
};
inline constexpr std::size_t kStrictStepsMax = 16;
inline constexpr std::size_t kStrictGroupMax = 32;  // rules
inline constexpr std::uint32_t kUnbounded = (1U << 19) - 1;

/// How a rule's matches are found; all give the same alerts.
enum class Method : std::uint8_t {
  kSingle,   // one event, nothing to remember: no key record
  kStrict,   // a fixed number of events, each the very next: the key's last events
             // (cep/match/strict_matcher.cpp)
  kRuns,     // runs that share their past (cep/match/matcher.cpp)
  kGeneral,  // any other pattern, selection or suppression (cep/pattern/pattern_matcher.cpp)
};
/// A comparison of a `count` that stands in a ring of the rule's own table with a whole number.
struct CountTest {
  std::uint32_t feature = 0;  // FeatureProgram's place
  Op op = Op::kEqual;
  std::int64_t number = 0;
};
/// A rule of which each condition looks at one event: what a busy key remembers is places and
/// which events may stand there (cep/places/places.h), instead of partial matches.
/// Fields of the rule's events that must all have the value of the first event's.
struct PlacesValue {
  std::vector<const Expr*> of_steps;                // of the step's own event
  std::vector<std::vector<const Expr*>> of_guards;  // by step: of the absences behind it
};
/// Of two steps that each take one event: the second takes an event that agrees with that of the
/// first.
struct PlacesPair {
  static constexpr std::size_t kOrderedMax = 4;
  std::vector<EventComparison> ordered;  // by <, <=, > or >=
  /// `own != earlier`, of fields whose values are told apart by their key bytes.
  struct Other {
    const Expr* earlier = nullptr;
    const Expr* own = nullptr;
  };
  std::optional<Other> other;
  std::vector<Conjunct> rest;           // what is asked of each pair of events
  std::vector<const Expr*> conditions;  // all that the above is of
  /// Whether first events are looked at one by one, where these do not find one at once.
  bool is_searched() const { return !rest.empty() || (other && !ordered.empty()); }
};
/// Of three steps or more that each take one event, reached by plain `then`: a step may compare its
/// event with one event before, and what the steps compare with is one value at a time
/// (cep/queue/compared_chain.h).
struct PlacesChain {
  static constexpr std::uint32_t kStepsMax = 6;
  struct Step {
    const Expr* condition = nullptr;  // `own op` what is carried; null: it compares nothing
    ComparedSide own;                 // of its event
    const Expr* carried = nullptr;    // of its event, for later steps; null: nothing
    Op op = Op::kLess;                // of the later steps' conditions, with their own on the left
  };
  std::vector<Step> steps;
  bool has(const Expr* condition) const {
    return std::ranges::find(steps, condition, &Step::condition) != steps.end();
  }
};
struct PlacesProgram {
  std::vector<std::uint32_t> first_place;  // by step; a loop has two places, any other step one
  std::uint32_t place_count = 0;
  std::vector<std::uint32_t> loops;  // the steps that may take several events
  /// By place: an entry with the same latest first event as the entry before it adds nothing.
  std::vector<bool> omits_equals;
  std::optional<PlacesValue> value;
  std::optional<PlacesPair> pair;
  /// Whether first events are looked at one by one: then they are as many as partial matches may
  /// be.
  bool is_searched() const { return pair && pair->is_searched(); }
  std::optional<PlacesChain> chain;
  std::optional<PlacesSum> sum;
  std::optional<PlacesReach> reach;
  /// By loop: aggregates over its events of which sums are kept.
  std::vector<std::vector<const Expr*>> totals;
  struct StepOfType {
    std::uint32_t step = 0;
    std::uint32_t predicate = 0;  // of its event
    bool is_passive = false;      // an event that does not fit it changes nothing there
  };
  /// By event type: the steps that an event of it may change something at, the last first.
  std::vector<std::vector<StepOfType>> steps_of_type;
  std::vector<StepOfType> steps_of_others;  // the same of types that no step takes
  const std::vector<StepOfType>& steps_of(EventTypeIndex type) const {
    return type.value < steps_of_type.size() ? steps_of_type[type.value] : steps_of_others;
  }
  std::uint32_t step_of(std::uint32_t place) const {
    std::uint32_t step = 0;
    while (step + 1 < first_place.size() && first_place[step + 1] <= place) ++step;
    return step;
  }
  std::optional<std::uint32_t> loop_of(std::size_t step) const {
    for (std::uint32_t i = 0; i < loops.size(); ++i) {
      if (loops[i] == step) return i;
    }
    return std::nullopt;
  }
  std::optional<std::uint32_t> total_of(std::uint32_t loop, const Expr* aggregate) const {
    for (std::uint32_t i = 0; i < totals[loop].size(); ++i) {
      if (totals[loop][i] == aggregate) return i;
    }
    return std::nullopt;
  }
};
/// Steps of which one match takes an event each, in any order: the members of an `all of`, or a
/// single step.
struct MemberGroup {
  std::uint32_t begin = 0;  // of PatternProgram::steps
  std::uint32_t end = 0;
  std::uint32_t size() const { return end - begin; }
};
/// A rule with `all of` of which each condition looks at one event: what a busy key remembers is
/// which events fit which step (cep/places/members.h), instead of partial matches.
struct MembersProgram {
  std::vector<MemberGroup> groups;  // each follows the one before by `then`
};
class PatternProgram;
struct RuleProgram {
  RuleIndex index;
  const Rule* rule = nullptr;
  std::uint32_t table = 0;
  std::uint32_t op = 0;     // in its table
  std::uint32_t level = 0;  // of its alerts' order
  std::uint32_t pass = 0;   // in which it runs
  bool is_watched = false;  // some feature leaves out the events at which it alerts
  std::vector<StepProgram> steps;
  bool ends_absent = false;  // the match is given at a deadline
  bool waits_from_first =
      false;  // deadline = first event + wait; else the last step's last event + wait
  Duration wait;
  std::optional<Duration> within;
  std::optional<Duration> once;
  bool strict = false;  // some contiguity is `next`: considered events matter
  std::uint32_t considered_predicate = 0;
  Method method = Method::kRuns;
  std::optional<CountTest> count_test;  // kSingle: where it fails, nothing else needs asking
  bool prunes = false;                  // runs that another one dominates end
  bool prunes_over_starts = false;      // also where their first events differ
  bool reads_matches = false;           // some condition reads what a partial match has bound
  SuppressionLife suppression_life;     // kGeneral
  std::uint32_t row_places = 0;
  /// Places of what conditions on partial matches call, look up or search for that reads the event
  /// on offer alone (cep/eval/row_memo.h).
  std::unordered_map<const Expr*, std::uint32_t> row_parts;
  std::vector<std::uint32_t> step_of_var;         // kGeneral: the variable's slot
  std::shared_ptr<const PatternProgram> pattern;  // kGeneral
  std::optional<PlacesProgram> places;    // kRuns: how a busy key is matched, where that has a way
  std::optional<MembersProgram> members;  // kGeneral: the same
  bool asks_later = false;                // an alert may be made after its last event is gone
  bool sets_deadlines = false;            // it needs a queue of timers
  std::vector<FeatureIndex>
      deadline_features;  // kept with the match's last event; as value_of says

  /// Whether a match is one event, before an absence that may follow.
  bool is_of_one_event() const { return steps.size() == 1 && steps[0].max == 1; }
};
/// What rules of a strict group ask of an event that may be the next of their partial matches of
/// one length. Sets of rules have a bit for each place in the group.
struct StrictStep {
  struct Ask {
    std::uint32_t test = 0;  // of the group's
    std::uint32_t rules = 0;
  };
  /// Tests of one pair that it is more than so many times the right side, at least two: where the
  /// right side is not negative, one that fails ends those of higher factors. Each is the first
  /// condition of its rules.
  struct Ladder {
    struct Rung {
      std::uint32_t test = 0;
      std::uint32_t rules = 0;   // of this test
      std::uint32_t higher = 0;  // of this one and all behind it
    };
    std::uint32_t pair = 0;
    std::vector<Rung> rungs;     // by right factor for each left one, ascending
    std::int64_t left_most = 0;  // so far from 0 no product with a factor overflows
    std::int64_t right_most = 0;
  };
  std::vector<Ladder> ladders;
  std::vector<Ask> asks;        // the others, each rule's in the order of its conditions
  std::uint32_t asks_more = 0;  // rules with conditions that no test covers
  std::uint32_t completes = 0;  // rules whose last step it is
};
/// The strict rules of one table and pass that count the same events: they share the key's last
/// events, and are one operator. Equal tests of an event and one before it are one test, and those
/// of the same fields read them once.
struct StrictGroup {
  struct Take {
    std::uint32_t predicate = 0;
    // By step: those of which it is the step's predicate.
    std::array<std::uint32_t, kStrictStepsMax> rules{};
  };
  /// What is read of two events for tests, each so many events before the current one.
  struct Pair {
    static constexpr std::uint32_t kConstant = ~std::uint32_t{0};
    WordTerm left;  // factors are the tests'
    WordTerm right;
    std::uint32_t left_back = 0;  // kConstant: of no event
    std::uint32_t right_back = 0;
    bool is_text = false;
  };
  struct Test {
    std::uint32_t pair = 0;
    Op op = Op::kEqual;
    std::int64_t left_factor = 1;
    std::int64_t right_factor = 1;
    friend bool operator==(const Test&, const Test&) = default;
  };
  struct Within {
    std::int64_t us = 0;
    std::uint32_t rules = 0;
  };
  std::uint32_t table = 0;
  std::uint32_t pass = 0;
  std::uint32_t considered_predicate = 0;
  std::uint32_t depth = 0;           // events kept: the most steps of a rule, less one
  std::vector<std::uint32_t> rules;  // RuleProgram places, ascending
  std::vector<Take> takes;           // by predicate, each once
  std::vector<StrictStep> steps;     // as many as the longest rule has
  std::vector<Pair> pairs;
  std::vector<Test> tests;
  std::vector<Within> withins;  // ascending, each once; rules without `within` are in none
};
/// Rules of one event that need so many events in a window of a feature, or of a feature group:
/// where its longest window holds fewer than the least of them needs, none of them is asked.
struct CountGate {
  /// Operators by bit: those from 64 * word on.
  struct Operators {
    std::uint32_t word = 0;
    std::uint64_t bits = 0;
  };
  std::uint32_t feature = 0;         // FeatureProgram's place: that of the longest window
  std::uint32_t least = 0;           // events
  std::vector<Operators> operators;  // the rules, ascending
};
struct FeatureProgram {
  FeatureIndex index;
  const Feature* feature = nullptr;
  std::uint32_t table = 0;
  std::uint32_t op = 0;
  std::uint32_t predicate = 0;
  WindowSpec window;
  bool in_ring = false;         // a ring in the record, of `window_us`; else a window of the pool
  bool is_shared = false;       // in_ring: in a FeatureGroup, whose `op` it has
  std::uint32_t place = 0;      // is_shared: in its group
  std::uint32_t group = 0;      // is_shared: FeatureGroup's place
  std::uint32_t ring_op = 0;    // is_shared: of the ring
  std::int64_t window_us = 0;   // how far it looks back; 0: no bound
  bool takes_last = false;      // `previous …`: takes a row after all have read at it
  const Zone* zone = nullptr;   // of `today` in a zone that the rule names; null: none has the name
  std::vector<bool> has_key;    // by event type: whether its key says a field of it
  std::uint32_t pass = 0;       // in which it is read in place, and its probes run
  std::uint32_t take_pass = 0;  // in which it takes events: later where it waits for a rule
  std::vector<const Expr*> where;   // what its events satisfy besides the predicate: reads features
  std::vector<const Expr*> counts;  // WindowSpec::takes_all: what those that are aggregated satisfy
  std::optional<RuleIndex> unless;  // leaves out the events at which this rule alerts
  std::optional<CountGate> gate;    // in_ring and not is_shared
  /// It counts each row of its predicate: nothing else is asked, and no value is read.
  bool counts_rows() const {
    return where.empty() && counts.empty() && !unless && !window.has_value && !window.takes_all;
  }
};
/// Features of one table and pass that take the same events, over windows that may differ: one
/// operator. Their events are in a ring that groups over the same kinds of events share
/// (cep/ring/shared_ring.h).
struct FeatureGroup {
  std::uint32_t table = 0;
  std::uint32_t op = 0;
  std::uint32_t ring = 0;                   // SharedRingProgram's place
  bool has_sums = false;                    // its features have an argument, the same one
  std::vector<std::uint32_t> features;      // FeatureProgram places, ascending
  std::uint64_t events_least = UINT64_MAX;  // the least that one of them may hold at most
  std::optional<CountGate> gate;
  bool counts_rows = false;  // as those of its features do
};
/// A ring that groups share. Its operator runs at no row: it says where a record has the ring.
struct SharedRingProgram {
  std::uint32_t table = 0;
  std::uint32_t op = 0;
  std::uint32_t take_pass = 0;  // of its features
  std::uint32_t place = 0;      // among its table's
};
/// Writes a value column: a feature's values by the row's own key or by arguments.
struct ProbeProgram {
  FeatureIndex value;  // as ProgramImpl::value_of says
  FeatureIndex feature;
  std::uint32_t source = 0;               // of the table's keys; 0 where it is the row's own key
  std::vector<std::uint32_t> predicates;  // rows at which some reader may use it
  std::vector<std::uint32_t> readers;     // their tables, ascending
};

/// A feature that some rule reads as of an earlier step (kBound with a kFeature): its value is
/// taken with the event and kept behind the event's fields, as the text that step_value_text()
/// makes.
struct StepValue {
  FeatureIndex value;  // as ProgramImpl::value_of says
  Type type;
  std::string name;        // in what is saved: it changes with the feature
  std::uint32_t pass = 0;  // the first in which a rule takes it; before that it is missing
};
/// The fields of one event type that a table's records keep of a captured event.
struct CaptureLayout {
  static constexpr std::uint16_t kNotKept = 0xffff;
  std::vector<FieldIndex> fields;    // ascending; behind the type's own those of step values, whose
                                     // indices go on after those of the type's fields
  std::vector<std::uint16_t> place;  // by FieldIndex, into fields; kNotKept
  std::vector<std::uint16_t> texts;  // places of the string fields and step values
  std::vector<StepValue> step_values;
  /// Where a feature's value as of these events is; nothing where no rule asks.
  std::optional<FieldIndex> step_value(FeatureIndex value) const;
  bool keeps_identity = false;  // a type without an id field
};
enum class OperatorKind : std::uint8_t { kFeature, kGroup, kRing, kProbe, kRule, kStrict };
struct OperatorProgram {
  OperatorKind kind = OperatorKind::kRule;
  std::uint32_t index = 0;  // of the feature, feature group, ring, probe, rule or strict group
  std::uint32_t pass = 0;
};
/// How a key is read from a row of one event type.
struct KeyFields {
  bool complete = false;     // the type has all parts
  bool is_one_text = false;  // a single string
  std::vector<FieldIndex> fields;
};
/// One way to find a key in a row.
struct KeySource {
  std::vector<KeyFields> by_type;        // the fields; empty where it has
  std::vector<const Expr*> exprs;        // arguments, by part
  std::vector<std::uint64_t> operators;  // what sees rows under this key, as bits by op
  bool has(std::uint32_t op) const { return (operators[op / 64] >> (op % 64) & 1) != 0; }
};
inline constexpr std::size_t kSourcesMax = 32;  // of a table
inline constexpr std::size_t kRolesMax = 12;    // of an event type: bits of KeptEvent
struct TableProgram {
  KeySpec key;
  std::uint32_t key_number = 0;                 // tables by pass of one key have one number
  std::vector<KeySource> sources;               // the places of roles, then arguments
  std::uint32_t role_places = 1;                // the most that an event type has, at least one
  std::vector<std::vector<std::string>> roles;  // by event type, then place; empty: none
  /// Numbered from 1 on, features before probes before rules: the order in which they see an event.
  /// Rings come last.
  /// Bit 0 of a mask says that the row may make a key record.
  std::vector<OperatorProgram> operators;  // by op - 1
  std::vector<Predicate> predicates;
  /// Bit 0 and each operator: the predicates that set it, or at which the operator sees a row.
  std::vector<std::vector<std::uint32_t>> bit_predicates;
  // ---- made by make_predicate_index() (cep/compile/index_maker.h)
  static constexpr std::uint32_t kSparse = UINT32_MAX;
  /// By predicate: its bit among the dense ones; kSparse. Empty where all are dense and each has
  /// the bit of its own number.
  std::vector<std::uint32_t> predicate_places;
  bool is_dense(std::uint32_t predicate) const {
    return predicate_places.empty() || predicate_places[predicate] != kSparse;
  }
  std::vector<std::vector<std::uint32_t>> dense_predicates;  // as Predicate::by_type: those there
  std::uint32_t dense_count = 0;
  /// By bit of a row's mask: the dense operator; bit 0 is none. An operator is dense if a dense
  /// predicate wakes it.
  std::vector<std::uint32_t> mask_operators;
  NumberLists woken;  // by predicate: the other operators that it wakes; empty where all are dense
  /// By op: where the key's record lists it, also these predicates let it see the row; their bits
  /// do not set its own. Empty where all are dense.
  NumberLists continued;
  std::vector<CaptureLayout> layouts;  // by event type
  std::int64_t longest_us = 0;         // of its operators' windows and waits
};

class ProgramImpl {
 public:
  std::shared_ptr<const Plan> plan;
  Limits limits;
  std::vector<ExprPtr>
      rewritten;  // expressions made here; Conjunct::expr points at these or into the plan
  /// Lists and tables. Copies of a program share it, except by Program::with_own_data(): whoever
  /// changes it has a program of its own.
  std::shared_ptr<ReferenceData> data;
  TextSearch texts;
  AtomSet atoms;
  std::shared_ptr<const PredicateIndex> index;
  std::vector<TableProgram> tables;
  std::vector<RuleProgram> rules;        // by RuleIndex
  std::vector<FeatureProgram> features;  // by FeatureIndex
  std::vector<FeatureGroup> feature_groups;
  std::vector<SharedRingProgram> shared_rings;
  std::vector<StrictGroup> strict_groups;
  std::vector<ProbeProgram> probes;
  /// Reads of features under arguments: their values have indices after those of the features.
  std::unordered_map<const Expr*, FeatureIndex> reads_under;
  std::size_t value_count = 0;  // features, and features under arguments
  /// Of arguments that read the rule's key: the values of its roles' places follow each other.
  std::vector<bool> value_by_place;
  std::uint32_t pass_count = 1;
  Digest plan_digest{};     // of a program by pass alone: digest_of() its plan
  bool row_by_row = false;  // what a row raises decides over what it reads next
  /// A rule, and a feature that it waits for, whose next row waits for the rule: why rows go one by
  /// one. Empty where they do not.
  struct Coupling {
    RuleIndex rule;
    FeatureIndex feature;
    friend bool operator==(const Coupling&, const Coupling&) = default;
  };
  std::vector<Coupling> couplings;
  std::vector<std::vector<EventTypeIndex>>
      alert_types;  // by rule: the kinds its alerts are read as
  /// Which value a kFeature reads: the feature's own index, or that of its value under arguments.
  FeatureIndex value_of(const Expr& expr) const {
    return expr.args.empty() ? expr.as_validated<FeatureRead>().feature : reads_under.at(&expr);
  }
  std::vector<std::vector<bool>> used_fields;
  std::vector<std::vector<bool>> decoded_fields;  // used, and not computed
  std::vector<std::vector<FieldIndex>> computed;  // by event type: the used ones, in order
  std::vector<bool> used_types;
};
/// When a rule's partial matches that were dropped could no longer have given an alert; absent
/// where that has no end.
std::optional<Duration> longest_life(const RuleProgram& rule);
}  // namespace tocsin::cep
