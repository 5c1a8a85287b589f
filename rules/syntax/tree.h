/// The syntax tree of one rule file: what was written, in the order written, with a span for every
/// word that a diagnostic may want to point at. No name is resolved here and no type known; the
/// checker does both. Invariant: a tree from the parser is no deeper than kTreeDepthMax, so that
/// recursion over it is safe.
///
/// Long because it is one grammar: a file's declarations, clauses, patterns and expressions, each
/// made of the ones above it.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cep/plan/aggregate.h"
#include "cep/value/calendar_unit.h"
#include "cep/value/time.h"
#include "cep/value/time_unit.h"
#include "cep/value/value.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules::tree {
/// The most levels of brackets, `not`, `-`, `if` and groups inside each other that the parser
/// reads, and the most levels of any expression (a chain `a + b + c + …` is as deep as it is long).
inline constexpr int kNestingMax = 200;
inline constexpr int kTreeDepthMax = 1000;

// ---- words and literals
/// A name as used or declared, without its back-quotes.
struct Name {
  std::string text;
  SourceSpan span;
  bool quoted = false;  // written in back-quotes
};
/// A name or a string where either may stand (enum words, tags, ids).
struct Word {
  std::string text;
  SourceSpan span;
  bool string = false;
};
struct StringLiteral {
  std::string text;  // escapes decoded
  SourceSpan span;   // with the quotes
};
/// `text` in this and the next is the literal as written; empty in a tree that a program made. One
/// that could not be read has been reported, makes its declaration `broken`, and stands as 1 and
/// 1m, which fit most places.
struct IntLiteral {
  std::int64_t value = 0;
  SourceSpan span;
  std::string text;
};
struct DurationLiteral {
  cep::Duration value;
  SourceSpan span;
  std::string text;
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

// ---- kinds of events
enum class KindForm : std::uint8_t {
  kNamed,
  kAlert,
  kAnyAlert
};  // NAME, `alert NAME`, `any alert`
struct KindRef {
  KindForm form = KindForm::kNamed;
  Name name;  // empty for kAnyAlert
  SourceSpan span;
};
/// `a or b or alert c`; never empty in a tree without errors.
struct Kinds {
  std::vector<KindRef> refs;
  SourceSpan span;
};

// ---- windows of features
enum class RangeForm : std::uint8_t {
  kLast,            // last D [excluding last D]
  kLastEvents,      // last N events
  kPrevious,        // previous D
  kPreviousEvents,  // previous N events [within D]
  kPreviousEver,
  kTumbling,  // tumbling D
  kCalendar,  // today in ZONE, this week|month|year in ZONE
  kSession,   // session gap D
  kEver,
};
/// A time zone: a string, or the name of a field, or a path (`airports[…]` does not stand here).
struct Zone {
  std::optional<StringLiteral> literal;
  std::vector<Name> path;  // where `literal` is absent
  SourceSpan span;
};
struct Window {
  RangeForm form = RangeForm::kLast;
  SourceSpan form_span;                      // the range's first word
  std::optional<DurationLiteral> duration;   // kLast, kPrevious, kTumbling, kSession (its gap)
  std::optional<DurationLiteral> excluding;  // kLast
  std::optional<IntLiteral> events;          // kLastEvents, kPreviousEvents
  std::optional<DurationLiteral> within;     // kPreviousEvents
  ExprPtr where;                             // kLastEvents, kPreviousEvents: `where (C)`
  SourceSpan where_span;
  cep::CalendarUnit unit = cep::CalendarUnit::kDay;  // kCalendar
  std::optional<Zone> zone;                          // kCalendar
  std::optional<DurationLiteral> every;
  std::optional<IntLiteral> needs;
  std::optional<SourceSpan> all;  // `over all`, the word: of every key
  SourceSpan span;                // without `over`
};

// ---- expressions
enum class AggregateParamForm : std::uint8_t { kExpr, kHalfLife, kWeight };
struct AggregateParam {
  AggregateParamForm form = AggregateParamForm::kExpr;
  ExprPtr expr;                              // kExpr; kWeight: a number
  std::optional<DurationLiteral> half_life;  // kHalfLife
  SourceSpan span;                           // with `half life` or `weight`
};
struct Unless {
  Name rule;
  SourceSpan span;  // `unless alerted by RULE`
};
/// `AGG(argument [of kinds] [where C] [unless …], params…) [over window]`.
/// With `of`: `argument` is the expression and `of` the kinds. Without: `argument` is what stood
/// there when it is an expression (`probes`, `probes.amount`, `a or b`), and `subjects` are its
/// terms when each is a bare name, `alert NAME` or `any alert` (then they may be kinds, a step or a
/// window: the checker tells). At least one is set. `min(a, b)` of several values arrives here too:
/// expressions in `params`, no `of`.
struct AggregateCall {
  cep::Aggregate name = cep::Aggregate::kCount;
  SourceSpan name_span;
  ExprPtr argument;
  std::vector<KindRef> subjects;
  std::optional<Kinds> of;
  SourceSpan of_span;
  ExprPtr where;
  SourceSpan where_span;
  std::optional<Unless> unless;
  std::vector<AggregateParam> params;
  std::optional<Window> over;
  SourceSpan over_span;  // the word
};

enum class ExprKind : std::uint8_t {
  kError,    // a mistake stood here and has been reported: takes any type, causes no further
             // diagnostic
  kLiteral,  // bool, int, decimal, float, string, time, date, duration: `literal`
  kRegex,    // `text` between the slashes as written, `ignore_case`
  kName,     // `name`
  kPrev,  // the event before in the same loop; only as args[0] of a kMember does it mean something
  kMember,     // args[0] . name
  kIndex,      // args[0] [ args[1], … ]
  kCall,       // name ( args… )
  kList,       // [ args… ]
  kAggregate,  // `aggregate`
  kNot,
  kNegate,
  kAnd,  // two or more args
  kOr,   // two or more args
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kBetween,  // args[0] between args[1] and args[2]
  kIn,       // args[0] in args[1]
  kNotIn,
  kMatches,       // args[0] matches args[1]
  kMatchesAnyOf,  // … any of LIST
  kContains,
  kContainsWord,
  kContainsAnyOf,
  kContainsAnyWordOf,
  kStartsWith,
  kEndsWith,
  kIsMissing,  // args[0]
  kIsKnown,
  kIf,  // args: condition, then, else
};
struct Expr {
  ExprKind kind = ExprKind::kError;
  SourceSpan span;     // all of it, with parentheses around it
  SourceSpan op_span;  // the operator's words (`not in`, `starts with`, `and`: the first), `.`,
                       // `[`, `if`, a call's name
  std::vector<ExprPtr> args;
  Name name;                // kName, kMember, kCall
  cep::OwnedValue literal;  // kLiteral
  std::string text;  // kRegex: the pattern; kLiteral: a number, duration, date or time as written
  bool ignore_case = false;
  bool parenthesized = false;  // written in parentheses of its own
  std::unique_ptr<AggregateCall> aggregate;
  std::uint16_t depth = 1;  // levels of this tree, at most kTreeDepthMax
};
/// `{ name: value, … }`.
struct Record {
  struct Entry {
    Name name;
    ExprPtr value;
  };
  std::vector<Entry> entries;
  SourceSpan span;
};

// ---- declarations. `broken`: part of it could not be read and has been reported; the checker then
// complains of nothing that is missing from it, and takes names that it may have declared as known.
struct Declaration {
  SourceSpan span;          // from its first word to its last token
  SourceSpan keyword_span;  // `event`, `rule`, …
  bool broken = false;
};
struct Use : Declaration {
  StringLiteral path;
};
enum class TypeForm : std::uint8_t {
  kBool,
  kInt,
  kFloat,
  kDecimal,
  kString,
  kTime,
  kDate,
  kDuration,
  kEnum
};
struct TypeRef {
  TypeForm form = TypeForm::kBool;
  std::optional<IntLiteral> scale;  // kDecimal
  std::vector<Word> words;          // kEnum
  bool optional = false;            // `?`
  bool broken = false;              // could not be read, reported
  SourceSpan span;                  // with the `?`
};
enum class ModifierKind : std::uint8_t {
  kUpToLate,
  kUnique,
  kId,
  kKey,
  kFrom,
  kPii,
  kEvidence,
  kUnit,     // `in ms`
  kAnyYear,  // `from 1970`
};
struct Modifier {
  ModifierKind kind = ModifierKind::kId;
  cep::TimeUnit unit = cep::TimeUnit::kMicroseconds;  // kUnit
  std::optional<DurationLiteral> duration;            // kUpToLate, kUnique [within]
  std::optional<StringLiteral> path;                  // kFrom
  SourceSpan span;
};
struct Field {
  Name name;
  TypeRef type;
  std::vector<Modifier> modifiers;
  ExprPtr computed;  // `= expr`
  SourceSpan span;
};
struct Event : Declaration {
  Name name;
  std::optional<StringLiteral> from;
  std::vector<Field> fields;
};
struct Subset {
  KindRef kind;
  ExprPtr where;
  SourceSpan where_span;
  SourceSpan span;
};
struct Kind : Declaration {
  Name name;
  std::vector<Subset> subsets;
};
enum class ListForm : std::uint8_t { kString, kInt, kDecimal, kDate, kText, kRegex, kNetwork };
struct List : Declaration {
  Name name;
  ListForm form = ListForm::kString;
  std::optional<IntLiteral> scale;  // kDecimal
  bool ignore_case = false;         // kText: `ignoring case`
  SourceSpan form_span;
  std::optional<StringLiteral> from;  // else:
  std::vector<ExprPtr> values;        // literals
  SourceSpan values_span;
};
struct Column {
  Name name;
  TypeRef type;
  bool list_of_string = false;  // then `type` says nothing
  bool network = false;         // then `type` says where the word stands, and nothing else
  SourceSpan span;
};
struct Row {
  std::vector<ExprPtr> keys;  // one for each key column
  Record values;
  SourceSpan span;
};
struct Table : Declaration {
  Name name;
  std::vector<Name> keys;
  std::vector<Column> columns;
  std::optional<StringLiteral> from;  // else:
  std::vector<Row> rows;
};
struct Const : Declaration {
  Name name;
  ExprPtr value;  // a literal
};
struct Defaults : Declaration {
  Name event;
  Record values;
};
struct Feature : Declaration {
  Name name;
  ExprPtr aggregate;     // a kAggregate without `over` of its own (or kError)
  std::vector<Name> by;  // none: `over all`
  SourceSpan by_span;    // the word
  Window window;
};
/// One entry of `features of …`: the kinds, key and window are the group's.
struct FeatureEntry {
  Name name;
  cep::Aggregate aggregate = cep::Aggregate::kCount;
  SourceSpan aggregate_span;
  ExprPtr argument;                     // absent for count
  std::optional<AggregateParam> param;  // ewma, percentile
  ExprPtr where;
  SourceSpan where_span;
  std::optional<Unless> unless;
  SourceSpan span;
};
struct Features : Declaration {
  Kinds of;
  std::vector<Name> by;
  SourceSpan by_span;
  Window window;
  std::vector<FeatureEntry> entries;
};

// ---- patterns
enum class LoopWord : std::uint8_t { kNone, kNext, kEach };
struct Count {
  IntLiteral min;
  std::optional<IntLiteral> max;  // `N..M`; `N` alone: absent, and not `or_more`
  bool or_more = false;           // `N+`
  LoopWord mode = LoopWord::kNone;
  SourceSpan mode_span;
  bool greedy = false;
  SourceSpan greedy_span;
  SourceSpan span;  // count, mode and greedy
};
struct Until {
  Kinds kinds;
  ExprPtr where;
  SourceSpan where_span;
  SourceSpan span;
};
struct Pattern;
enum class StepForm : std::uint8_t { kKinds, kGroup, kOneOf, kAllOf };
struct Step {
  StepForm form = StepForm::kKinds;
  std::optional<SourceSpan> optional;  // the word
  std::optional<Count> count;
  Kinds kinds;                    // kKinds
  std::optional<Name> as;         // kKinds, kOneOf
  ExprPtr where;                  // kKinds
  SourceSpan where_span;          // the word
  std::optional<Until> until;     // kKinds
  std::vector<Pattern> patterns;  // kGroup: one; kOneOf: the alternatives
  std::vector<Step> members;      // kAllOf
  SourceSpan form_span;           // kGroup: `(`; `one of`, `all of`
  SourceSpan span;
};
/// `no [next] kinds [where C] [for D]`.
struct Absence {
  SourceSpan no_span;
  bool next = false;
  SourceSpan next_span;
  Kinds kinds;
  ExprPtr where;
  SourceSpan where_span;
  std::optional<DurationLiteral> absent_for;
  SourceSpan for_span;
  SourceSpan span;
};
enum class Link : std::uint8_t { kThen, kThenFirst, kThenNext };
/// One element after `then` (the pattern's first has no `then`): a step or an absence.
struct Element {
  Link link = Link::kThen;
  SourceSpan then_span;  // empty for the first
  SourceSpan link_span;  // `first`, `next`
  std::optional<DurationLiteral> within;
  SourceSpan within_span;
  std::variant<Step, Absence> body;
};
struct Pattern {
  std::vector<Element> elements;
  SourceSpan span;
};
/// `session of KINDS gap D as NAME [where C]`, `tumbling D of KINDS as NAME [where C]`, `tumbling
/// month in "ZONE" of KINDS as NAME [where C]`.
struct EventWindow {
  bool session = false;
  SourceSpan form_span;
  Kinds kinds;
  DurationLiteral duration;               // the gap, or the length
  std::optional<cep::CalendarUnit> unit;  // instead of the length
  std::optional<Zone> zone;               // of `unit`; its literal
  Name as;
  ExprPtr where;
  SourceSpan where_span;
  SourceSpan span;
};

// ---- rules
/// What all clauses have; `keyword_span` is the clause's first words (`severity`, `after match`,
/// `once per`).
struct Clause {
  SourceSpan keyword_span;
  SourceSpan span;
};
struct WordClause : Clause {
  Word word;
};
struct StringClause : Clause {
  StringLiteral text;
};
struct WordsClause : Clause {
  std::vector<Word> words;
};
struct StringsClause : Clause {
  std::vector<StringLiteral> texts;
};
struct ExprClause : Clause {
  ExprPtr expr;
};
struct DurationClause : Clause {
  DurationLiteral duration;
};
struct KindsClause : Clause {
  Kinds kinds;
};
enum class StatusWord : std::uint8_t { kDraft, kInternal, kShadow, kLive };
struct StatusClause : Clause {
  StatusWord status = StatusWord::kLive;
};
/// `kindref . NAME [as ROLE]`.
struct KeyMember {
  KindRef kind;
  Name field;
  std::optional<Name> role;
  SourceSpan span;
};
/// A field of all event types or a declared key, or `NAME = member | member`.
struct KeyPart {
  Name name;
  std::vector<KeyMember> members;  // empty: the field `name` of each
  SourceSpan span;
};
/// `key NAME = member | member`: what `by NAME` means in every rule and feature.
struct Key : Declaration {
  KeyPart part;
};
struct ByClause : Clause {
  std::vector<KeyPart> parts;
};
struct WhenClause : Clause {
  std::variant<Pattern, EventWindow> what;
};
struct WithoutClause : Clause {
  Kinds kinds;
  ExprPtr where;
  SourceSpan where_span;
  std::optional<DurationLiteral> absent_for;
  SourceSpan for_span;
};
enum class AfterMatch : std::uint8_t {
  kNoSkip,
  kSkipPastLast,
  kSkipToNext,
  kSkipToFirst,
  kSkipToLast,
  kConsume
};
struct AfterClause : Clause {
  AfterMatch strategy = AfterMatch::kNoSkip;
  SourceSpan strategy_span;
  std::optional<Name> var;  // kSkipToFirst, kSkipToLast
  std::optional<SourceSpan> in_order;
};
struct ExceptClause : Clause {
  StringLiteral reason;
  ExprPtr where;
  SourceSpan where_span;
  std::optional<std::int64_t> expires;  // days since the epoch
  SourceSpan expires_span;              // the date
};
enum class OnceForm : std::uint8_t { kPerDuration, kPerUnit, kPerVariable, kWhile };
struct OnceClause : Clause {
  OnceForm form = OnceForm::kPerDuration;
  std::optional<DurationLiteral> duration;
  cep::CalendarUnit unit = cep::CalendarUnit::kDay;  // kPerUnit
  std::optional<Zone> zone;                          // kPerUnit
  std::optional<Name> var;
  ExprPtr condition;
  std::vector<ExprPtr> for_each;
  SourceSpan for_each_span;
};
struct AtMostClause : Clause {
  IntLiteral count;
  DurationLiteral duration;
  std::vector<ExprPtr> for_each;
  SourceSpan for_each_span;
};
/// `allow NAME "reason"`: a warning that the rule does not give.
struct AllowClause : Clause {
  Name warning;
  StringLiteral reason;
};
/// A piece of an alert's message: literal text (`expr` null) or an expression; `span` is the piece
/// in the source, an expression's without its braces.
struct MessagePart {
  std::string text;
  ExprPtr expr;
  SourceSpan span;
};
struct AlertClause : Clause {
  StringLiteral message;  // as decoded, holes included
  std::vector<MessagePart> parts;
  Record fields;  // empty span where no braces stand
};
enum class ClauseKind : std::uint8_t {
  kId,
  kDescription,
  kOwner,
  kSeverity,
  kTags,
  kReferences,
  kFalsePositives,
  kStatus,
  kBy,
  kWhen,
  kWithin,
  kHaving,
  kConsidering,
  kWithout,
  kAfter,
  kPrefer,
  kExcept,
  kOnce,
  kAtMost,
  kAllow,
  kAlert,
};
/// A clause that could not be read is absent and the rule `broken`; one that stands twice has been
/// reported, and the first is here.
struct Rule : Declaration {
  Name name;
  StringLiteral title;
  std::optional<WordClause> id;
  std::optional<StringClause> description;
  std::optional<StringClause> owner;
  std::optional<ExprClause> severity;
  std::optional<WordsClause> tags;
  std::optional<StringsClause> references;
  std::optional<StringsClause> false_positives;
  std::optional<StatusClause> status;
  std::optional<ByClause> by;
  std::optional<WhenClause> when;
  bool when_broken = false;  // it may name steps that could not be read
  std::optional<DurationClause> within;
  std::optional<ExprClause> having;
  std::optional<KindsClause> considering;
  std::optional<WithoutClause> without;
  std::optional<AfterClause> after;
  std::optional<Clause> prefer_latest;
  std::vector<ExceptClause> excepts;
  std::optional<OnceClause> once;
  std::optional<AtMostClause> at_most;
  std::vector<AllowClause> allows;
  std::optional<AlertClause> alert;
  std::vector<ClauseKind> order;  // of the clauses above as written; a kExcept for each `except`,
                                  // a kAllow for each `allow`
};

// ---- tests
/// `DURATION NAME record`, or `until DURATION`.
struct TestLine {
  DurationLiteral offset;
  bool until = false;
  Name event;
  Record values;
  SourceSpan span;
};
struct Expected {
  std::optional<IntLiteral> times;
  std::optional<DurationLiteral> at;
  std::optional<Record> fields;
  SourceSpan span;  // from `expect`
};
struct Test : Declaration {
  Name rule;
  StringLiteral title;
  std::optional<cep::EventTime> starting;
  std::string starting_text;  // as written
  SourceSpan starting_span;
  std::vector<TestLine> lines;
  std::vector<Expected> expected;  // empty: `expect no alert`
  SourceSpan expect_span;          // the first `expect`
};

/// `allow NAME "reason"` outside of rules: a warning that the file does not give.
struct Allow : Declaration {
  Name warning;
  StringLiteral reason;
};

using Item = std::variant<Use, Allow, Event, Kind, Key, List, Table, Const, Defaults, Feature,
                          Features, Rule, Test>;
struct File {
  std::uint32_t file = 0;  // in the SourceMap
  std::vector<Item> items;
  bool broken = false;  // a stretch between declarations could not be read, or an item is broken
};
}  // namespace tocsin::rules::tree
