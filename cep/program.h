/// What cep::compile makes of a plan: everything that running needs and that can be known before
/// the first event. Immutable and shared by engines; state lies elsewhere (cep/key_record.h).
///
/// - **Atoms** (cep/atoms.h): each distinct test of one event, evaluated once over a slice.
/// - **Predicates**: boolean combinations of atoms, one for each step, absence and feature, by
/// event type. Those of one
///   table have a bit each in a row's mask; equal ones share it.
/// - **Tables**: all operators (features and rules) with one key expression share one.
/// - **Passes**: a slice is worked through level by level. Features run in pass 0. A rule that
/// reads only features of
///   its own table does too and reads them in place, right after they took the event; one that
///   reads a feature of another table runs in pass 1 and reads all its features from value columns,
///   which pass 0 wrote.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/atoms.h"
#include "cep/engine.h"
#include "cep/lookup_table.h"
#include "cep/plan.h"
#include "cep/text_search.h"
#include "cep/word_test.h"

namespace tocsin::cep {
/// A boolean combination of atoms, by event type, in postfix. An event type without entries never
/// satisfies it.
struct Predicate {
  std::vector<AtomFormula> by_type;
};

/// One conjunct that is asked of the event on offer besides the predicate of its step.
struct Conjunct {
  const Expr* expr = nullptr;
  bool of_first = true;  // asked of a loop's first event too
  std::optional<WordTest> words;
  std::optional<FeatureTest> feature;
};
/// A step's or an absence's test of the event on offer.
struct ElementProgram {
  const Element* element = nullptr;
  std::uint32_t predicate = 0;  // its bit in the table's masks
  std::uint32_t place = 0;  // among the rule's elements that have `by_row`: their cached answers
  std::vector<Conjunct> by_row;  // the same for all runs of a key: features, key parts
  std::vector<Conjunct> by_run;  // read what the run has bound
};
struct StepProgram {
  ElementProgram take;
  std::uint32_t min = 1;
  std::uint32_t max = 1;  // kUnbounded
  LoopMode mode = LoopMode::kRelaxed;
  Contiguity contiguity = Contiguity::kAny;
  std::vector<ElementProgram> guards;  // absences between this step and the next, or after the last
  /// The last step, up to this one, whose events anything later reads; -1: none. Runs that stand
  /// here and agree on those events have the same future.
  int live_step = -1;
};
inline constexpr std::size_t kStrictStepsMax = 16;
inline constexpr std::uint32_t kUnbounded = (1U << 19) - 1;

/// How a rule's matches are found; all give the same alerts.
enum class Method : std::uint8_t {
  kSingle,  // one event, nothing to remember: no key record
  kStrict,  // a fixed number of events, each the very next: the key's last events
            // (cep/strict_matcher.cpp)
  kRuns,    // runs that share their past (cep/matcher.cpp)
};
struct RuleProgram {
  RuleIndex index;
  const Rule* rule = nullptr;
  std::uint32_t table = 0;
  std::uint32_t op = 0;     // in its table
  std::uint32_t level = 0;  // of its alerts' order
  std::uint32_t pass = 0;   // in which it runs; 1: it reads value columns
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
  bool prunes = false;              // runs that another one dominates end
  bool prunes_over_starts = false;  // also where their first events differ
  std::uint32_t row_places = 0;
  std::vector<std::uint32_t> step_of_var;
  std::vector<FeatureIndex> deadline_features;  // kept with the match's last event
};
struct FeatureProgram {
  FeatureIndex index;
  const Feature* feature = nullptr;
  std::uint32_t table = 0;
  std::uint32_t op = 0;
  std::uint32_t predicate = 0;
  std::int64_t window_us = 0;
  std::vector<bool> has_key;   // by event type: whether its key says a field of it
  bool is_probed = false;      // some rule of level 1 reads it
  std::uint32_t probe_op = 0;  // the bit of rows at which its value column is written
};

/// The fields of one event type that a table's records keep of a captured event.
struct CaptureLayout {
  static constexpr std::uint16_t kNotKept = 0xffff;
  std::vector<FieldIndex> fields;    // ascending
  std::vector<std::uint16_t> place;  // by FieldIndex, into fields; kNotKept
  std::vector<std::uint16_t> texts;  // places of the string fields
  bool keeps_identity = false;       // a type without an id field
};
enum class OperatorKind : std::uint8_t { kFeature, kProbe, kRule };
struct OperatorProgram {
  OperatorKind kind = OperatorKind::kRule;
  std::uint32_t index = 0;  // of the feature or rule
  std::uint32_t pass = 0;
};
/// How a key is read from a row of one event type.
struct KeyFields {
  bool complete = false;     // the type has all parts
  bool is_one_text = false;  // a single string
  std::vector<FieldIndex> fields;
};
struct TableProgram {
  KeySpec key;
  std::vector<KeyFields> by_type;
  /// Bit 0 of an operator mask says that the row may make a key record; operators follow, features
  /// before probes before rules: the order in which they see an event.
  std::vector<OperatorProgram> operators;  // by op - 1
  std::vector<Predicate> predicates;
  /// For each operator mask bit, the predicates whose union sets it.
  std::vector<std::vector<std::uint32_t>> bit_predicates;
  std::vector<CaptureLayout> layouts;  // by event type
  std::uint32_t operator_words = 0;    // of a row's mask: operator bits, then predicate bits
  std::uint32_t predicate_words = 0;
  std::int64_t longest_us = 0;  // of its operators' windows and waits
};

/// A list prepared for `in`.
class ListProgram {
 public:
  explicit ListProgram(const List& list);
  bool contains(const Value& value) const;
  const List& list() const { return *list_; }

 private:
  const List* list_;
  bool by_text_ = false;
  bool by_number_ = false;
  std::vector<std::string> texts_;  // sorted
  std::vector<Value> numbers_;      // sorted by value
};

class ProgramImpl {
 public:
  std::shared_ptr<const Plan> plan;
  Limits limits;
  std::vector<ExprPtr>
      rewritten;  // expressions made here; Conjunct::expr points at these or into the plan
  std::vector<ListProgram> lists;
  std::vector<LookupTable> lookup_tables;  // by TableIndex
  TextSearch texts;
  AtomSet atoms;
  std::vector<TableProgram> tables;
  std::vector<RuleProgram> rules;        // by RuleIndex
  std::vector<FeatureProgram> features;  // by FeatureIndex
  std::uint32_t pass_count = 1;
  std::vector<std::vector<bool>> used_fields;
  std::vector<bool> used_types;
};
}  // namespace tocsin::cep
