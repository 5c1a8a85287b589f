/// Where in a rule text a cursor is, told by the tokens before it alone: the text may be broken
/// there, and mostly is while somebody writes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/syntax/token.h"

namespace tocsin::library {
/// What may be written.
enum class WantedHere : std::uint8_t {
  kNothing,      // a new name, a text, a number
  kDeclaration,  // between declarations
  kClause,       // at the begin of a line of a rule
  kKinds,        // events and kinds, and what begins a step
  kCondition,    // an operand of an expression
  kOperator,     // what goes on with an expression
  kMember,       // behind a dot
  kEnumWord,     // a value of a field that is compared
  kKeys,         // behind `by`
  kWindow,       // behind `over`
  kType,         // of a field, behind its colon
  kRule,         // the name of a rule
  kEvent,        // the name of an event type
  kTestLine,     // at the begin of a line of a test
  kRecordField,  // of an event's values in braces
  kSeverity,
  kStatus,
  kWarning,  // behind `allow`
};
/// A step named so far.
struct StepSoFar {
  std::string name;
  std::vector<std::string> kinds;
  bool is_loop = false;
};
struct CompletionPlace {
  WantedHere wanted = WantedHere::kNothing;
  std::uint32_t begin = 0;             // of the word that stands there; else the cursor
  std::string declaration;             // its word: `rule`, `event`, …; empty between them
  std::vector<std::string> clauses;    // of the rule, those that are written before or behind
  std::vector<StepSoFar> steps;        // named before the cursor
  std::vector<std::string> kinds;      // whose events an expression here is about
  std::vector<std::string> all_kinds;  // all that the rule's pattern names so far
  std::vector<std::string> member_of;  // kMember: the names before the dot, outermost first
  std::string compared;                // kEnumWord: the field; kRecordField: the event
};
/// `tokens`: of the whole text.
CompletionPlace completion_place(std::string_view text, const std::vector<rules::Token>& tokens,
                                 std::uint32_t byte);
}  // namespace tocsin::library
