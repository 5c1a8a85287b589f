/// `once …` and `at most …` of a rule: which of its matches raise no alert because of earlier ones.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/expr.h"
#include "cep/value/calendar_unit.h"
#include "cep/value/time.h"

namespace tocsin::cep {
enum class Once : std::uint8_t { kNone, kPerDuration, kPerVariable, kPerUnit, kWhile };
/// `at most N per D`: an alert is suppressed while N of them lie at t - D < time <= t.
struct AtMost {
  std::uint32_t count = 1;
  Duration duration;
  std::vector<ExprPtr> for_each = {};
};
/// A match that either of both holds back is suppressed. `for_each`, where not empty, replaces the
/// rule's key; its values are as of the match's last event, missing ones are equal.
struct Suppression {
  Once once = Once::kNone;
  Duration duration;                       // kPerDuration: not again at t <= ts < t + duration
  VarIndex var;                            // kPerVariable
  CalendarUnit unit = CalendarUnit::kDay;  // kPerUnit: not again while a clock shows the same one
  ExprPtr zone = {};                       // kPerUnit: text; a literal or of the match's last event
  ExprPtr while_condition;                 // kWhile
  std::vector<ExprPtr> for_each = {};      // replaces the rule's key
  std::optional<AtMost> at_most = {};
};
}  // namespace tocsin::cep
