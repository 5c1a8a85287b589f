#include "tests/state/kind_names.h"

#include "runtime/effects/effect_reader.h"

namespace tocsin::tests {
const char* name_of_state(cep::StateKind kind) {
  switch (kind) {
    case cep::StateKind::kNone:
      return nullptr;
    case cep::StateKind::kFeature:
      return "feature";
    case cep::StateKind::kRuns:
      return "runs";
    case cep::StateKind::kStrict:
      return "strict";
    case cep::StateKind::kPattern:
      return "pattern";
  }
  return nullptr;
}
const char* name_of_operator(cep::OperatorKind kind) {
  switch (kind) {
    case cep::OperatorKind::kFeature:
      return "feature";
    case cep::OperatorKind::kGroup:
      return "feature group";
    case cep::OperatorKind::kRing:
      return "ring";
    case cep::OperatorKind::kProbe:  // it writes columns
      return nullptr;
    case cep::OperatorKind::kRule:
      return "rule";
    case cep::OperatorKind::kStrict:
      return "strict group";
  }
  return nullptr;
}
const char* name_of_method(cep::Method method) {
  switch (method) {
    case cep::Method::kSingle:  // nothing to remember
      return nullptr;
    case cep::Method::kStrict:
      return "strict";
    case cep::Method::kRuns:
      return "runs";
    case cep::Method::kGeneral:
      return "general";
  }
  return nullptr;
}
const char* name_of_window(cep::WindowKind kind) {
  switch (kind) {
    case cep::WindowKind::kLast:
      return "last";
    case cep::WindowKind::kPrevious:
      return "previous";
    case cep::WindowKind::kTumbling:
      return "tumbling";
    case cep::WindowKind::kCalendar:
      return "calendar";
    case cep::WindowKind::kSession:
      return "session";
    case cep::WindowKind::kEver:
      return "ever";
    case cep::WindowKind::kPreviousEver:
      return "previous ever";
    case cep::WindowKind::kLastEvents:
      return "last events";
    case cep::WindowKind::kPreviousEvents:
      return "previous events";
  }
  return nullptr;
}
const char* name_of_use(cep::AccumulatorUse use) {
  switch (use) {
    case cep::AccumulatorUse::kGrows:
      return "grows";
    case cep::AccumulatorUse::kSlides:
      return "slides";
    case cep::AccumulatorUse::kPanes:
      return "panes";
    case cep::AccumulatorUse::kPane:
      return "pane";
  }
  return nullptr;
}
const char* name_of_selection(cep::SelectionKind kind) {
  switch (kind) {
    case cep::SelectionKind::kDefault:
      return "default";
    case cep::SelectionKind::kNoSkip:
      return "no skip";
    case cep::SelectionKind::kSkipPastLast:
      return "skip past last";
    case cep::SelectionKind::kSkipToNext:
      return "skip to next";
    case cep::SelectionKind::kSkipToFirst:
      return "skip to first";
    case cep::SelectionKind::kSkipToLast:
      return "skip to last";
    case cep::SelectionKind::kConsume:
      return "consume";
  }
  return nullptr;
}
const char* name_of_ending(cep::Ending ending) {
  switch (ending) {
    case cep::Ending::kAtOnce:  // nothing waits
      return nullptr;
    case cep::Ending::kAtNext:
      return "at the next event";
    case cep::Ending::kAtDeadline:
      return "at a deadline";
  }
  return nullptr;
}
const char* name_of_once(cep::Once once) {
  switch (once) {
    case cep::Once::kNone:
      return nullptr;
    case cep::Once::kPerDuration:
      return "per duration";
    case cep::Once::kPerVariable:
      return "per variable";
    case cep::Once::kPerUnit:
      return "per unit";
    case cep::Once::kWhile:
      return "while";
  }
  return nullptr;
}
const char* name_of_remembered(cep::Remembered::Bit bit) {
  switch (bit) {
    case cep::Remembered::kLastAlert:
      return "last alert";
    case cep::Remembered::kSuppressed:
      return "suppressed";
    case cep::Remembered::kLastUnit:
      return "last unit";
    case cep::Remembered::kQuiet:
      return "quiet";
    case cep::Remembered::kLostRuns:
      return "lost runs";
    case cep::Remembered::kRecent:
      return "recent";
    case cep::Remembered::kTaken:
      return "taken";
    case cep::Remembered::kHeldTime:
      return "held time";
  }
  return nullptr;
}
const char* name_of_declared_type(cep::TypeKind kind) {
  switch (kind) {
    case cep::TypeKind::kBool:
      return "bool";
    case cep::TypeKind::kInt:
      return "int";
    case cep::TypeKind::kFloat:
      return "float";
    case cep::TypeKind::kDecimal:
      return "decimal";
    case cep::TypeKind::kFraction:  // of results alone
      return nullptr;
    case cep::TypeKind::kString:
      return "string";
    case cep::TypeKind::kTime:
      return "time";
    case cep::TypeKind::kDate:
      return "date";
    case cep::TypeKind::kDuration:
      return "duration";
    case cep::TypeKind::kEnum:
      return "enum";
  }
  return nullptr;
}
const char* name_of_value(cep::ValueKind kind) {
  switch (kind) {
    case cep::ValueKind::kMissing:
      return "missing";
    case cep::ValueKind::kBool:
      return "bool";
    case cep::ValueKind::kInt:
      return "int";
    case cep::ValueKind::kDecimal:
      return "decimal";
    case cep::ValueKind::kFraction:
      return "fraction";
    case cep::ValueKind::kFloat:
      return "float";
    case cep::ValueKind::kString:
      return "string";
    case cep::ValueKind::kTime:
      return "time";
    case cep::ValueKind::kDate:
      return "date";
    case cep::ValueKind::kDuration:
      return "duration";
    case cep::ValueKind::kEnum:
      return "enum";
  }
  return nullptr;
}

// ---- of inputs, node, journal and store

const char* name_of_source_state(runtime::SourceState state) {
  switch (state) {
    case runtime::SourceState::kActive:
      return "active";
    case runtime::SourceState::kIdle:
      return "idle";
    case runtime::SourceState::kEnded:
      return "ended";
  }
  return nullptr;
}
const char* name_of_late_policy(runtime::LatePolicy policy) {
  switch (policy) {
    case runtime::LatePolicy::kSide:
      return "side";
    case runtime::LatePolicy::kClamp:
      return "clamp";
  }
  return nullptr;
}
const char* name_of_source_kind(runtime::SourceKind kind) {
  switch (kind) {
    case runtime::SourceKind::kByValue:
      return "by value";
    case runtime::SourceKind::kByPosition:
      return "by position";
  }
  return nullptr;
}
const char* name_of_list_kind(cep::ListKind kind) {
  switch (kind) {
    case cep::ListKind::kValues:
      return "values";
    case cep::ListKind::kText:  // these change with the rules alone
    case cep::ListKind::kRegex:
      return nullptr;
    case cep::ListKind::kNetwork:
      return "networks";
  }
  return nullptr;
}
const char* name_of_record(runtime::RecordKind kind) {
  switch (kind) {
    case runtime::RecordKind::kByValue:
      return "by value";
    case runtime::RecordKind::kDecision:
      return "decision";
    case runtime::RecordKind::kCommand:
      return "command";
    case runtime::RecordKind::kTraced:
      return "traced";
    case runtime::RecordKind::kByPosition:
      return "by position";
  }
  return nullptr;
}
const char* name_of_decision(runtime::DecisionKind kind) {
  switch (kind) {
    case runtime::DecisionKind::kIdle:
      return "idle";
    case runtime::DecisionKind::kAwake:
      return "awake";
    case runtime::DecisionKind::kHeartbeat:
      return "heartbeat";
    case runtime::DecisionKind::kEnded:
      return "ended";
  }
  return nullptr;
}
const char* name_of_list_action(runtime::ListAction action) {
  switch (action) {
    case runtime::ListAction::kAdd:
      return "add";
    case runtime::ListAction::kRemove:
      return "remove";
    case runtime::ListAction::kReplace:
      return "replace";
    case runtime::ListAction::kReset:
      return "reset";
  }
  return nullptr;
}
const char* name_of_withheld(runtime::WithheldKind kind) {
  switch (kind) {
    case runtime::WithheldKind::kSilenced:
      return "silenced";
    case runtime::WithheldKind::kRateCapped:
      return "rate capped";
    case runtime::WithheldKind::kGrouped:
      return "grouped";
  }
  return nullptr;
}
std::vector<std::string> stored_families() { return runtime::effect_families(); }
}  // namespace tocsin::tests
