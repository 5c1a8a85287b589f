/// The kinds of state by name: those of the code's own enumerations, and lists of those that no
/// enumeration has. A name that is null is of an enumerator that keeps nothing, or of none.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "cep/aggregate/accumulator.h"
#include "cep/compile/pattern_program.h"
#include "cep/compile/program.h"
#include "cep/plan/aggregate.h"
#include "cep/plan/feature.h"
#include "cep/plan/pattern.h"
#include "cep/plan/reference.h"
#include "cep/plan/suppression_spec.h"
#include "cep/record/state_layout.h"
#include "cep/record/state_values.h"
#include "cep/value/value.h"
#include "runtime/effects/effect_rows.h"
#include "runtime/event_time/source_policy.h"
#include "runtime/event_time/watermarks.h"
#include "runtime/journal/journal_record.h"
#include "runtime/journal/list_change.h"
#include "runtime/node/node_source.h"

namespace tocsin::tests {
const char* name_of_state(cep::StateKind kind);
const char* name_of_operator(cep::OperatorKind kind);
const char* name_of_method(cep::Method method);
const char* name_of_window(cep::WindowKind kind);
const char* name_of_use(cep::AccumulatorUse use);
const char* name_of_selection(cep::SelectionKind kind);
const char* name_of_ending(cep::Ending ending);
const char* name_of_once(cep::Once once);
const char* name_of_remembered(cep::Remembered::Bit bit);
/// Of fields and arguments.
const char* name_of_declared_type(cep::TypeKind kind);
const char* name_of_value(cep::ValueKind kind);
const char* name_of_source_state(runtime::SourceState state);
const char* name_of_late_policy(runtime::LatePolicy policy);
const char* name_of_source_kind(runtime::SourceKind kind);
/// Of those that may change.
const char* name_of_list_kind(cep::ListKind kind);
const char* name_of_record(runtime::RecordKind kind);
const char* name_of_decision(runtime::DecisionKind kind);
const char* name_of_list_action(runtime::ListAction action);
const char* name_of_withheld(runtime::WithheldKind kind);
/// Families of the alert store.
std::vector<std::string> stored_families();

/// Whether an accumulator of the aggregate is used so.
constexpr bool is_used(cep::Aggregate aggregate, cep::AccumulatorUse use) {
  const bool has_panes = use == cep::AccumulatorUse::kPanes || use == cep::AccumulatorUse::kPane;
  return !has_panes || cep::traits_of(aggregate).can_remove;
}

/// How a feature's window is kept (cep/match/feature_store.h, cep/aggregate/feature_window.cpp).
inline constexpr std::array kWindowForms = {
    "ring",  "shared ring", "shared ring with sums", "slides",
    "grows", "panes",       "zone of the row",       "takes all",
};
/// What a rule's block has.
inline constexpr std::array kMatchKinds = {
    "waits for a step",
    "collects in a loop",
    "waits for its deadline",
    "anchor",
    "lost runs",
    "places",
    "places by value",
    "places compared with the first",
    "places with a bound on a sum",
    "places with one loop",
    "places with two loops",
    "places with three loops",
    "general runs",
    "fresh",
    "end of a gap or deadline",
    "greedy loop over",
    "counters",
    "complete matches that wait",
    "prefer latest",
    "open session",
    "open tumbling window",
    "open unit of the calendar",
    "window that no event of its own has set",
    "members",
    "paths",
    "steps in a row",
    "compact automaton",
};
inline constexpr std::array kEventKinds = {
    "apart from its own time",
    "missing field",
    "identity",
    "role",
    "of an alert",
    "long text",
    "step value",
};
inline constexpr std::array kGlobalKinds = {"ids at the watermark", "budget reported"};
inline constexpr std::array kInputKinds = {"waiting events", "held jump",  "unique ids",
                                           "late_max",       "producer",   "changed list",
                                           "changed table",  "file series"};
}  // namespace tocsin::tests
