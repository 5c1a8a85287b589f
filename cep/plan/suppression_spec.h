/// `once …` and `at most …` of a rule: which of its matches raise no alert because of earlier ones.
#pragma once
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/expr.h"
#include "cep/value/calendar_unit.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// In the order of Suppression::once.
enum class Once : std::uint8_t { kNone, kPerDuration, kPerVariable, kPerUnit, kWhile };
/// `once per D`: after an alert at t, none at t <= time < t + duration.
struct OncePerDuration {
  Duration duration;
};
/// `once per NAME`: no two alerts with the same event of this variable.
struct OncePerVariable {
  VarIndex var;
};
/// `once per day in ZONE`: no second alert while a clock in `zone` shows the same unit.
struct OncePerUnit {
  CalendarUnit unit = CalendarUnit::kDay;
  ExprPtr zone = {};  // text; a literal or of the match's last event
};
/// `once while C`: no second alert until an event at which `condition` is not true.
struct OnceWhile {
  ExprPtr condition;
};
/// `at most N per D`: an alert is suppressed while N of them lie at t - D < time <= t.
struct AtMost {
  std::uint32_t count = 1;
  Duration duration;
  std::vector<ExprPtr> for_each = {};
};
/// A match that either of both holds back is suppressed. `for_each`, where not empty, replaces the
/// rule's key; its values are as of the match's last event, missing ones are equal.
struct Suppression {
  std::variant<std::monostate, OncePerDuration, OncePerVariable, OncePerUnit, OnceWhile> once = {};
  std::vector<ExprPtr> for_each = {};  // replaces the rule's key
  std::optional<AtMost> at_most = {};

  Once kind() const { return static_cast<Once>(once.index()); }
  /// Null where `once` has another form.
  template <typename Form>
  const Form* as() const {
    return std::get_if<Form>(&once);
  }
  template <typename Form>
  Form* as() {
    return std::get_if<Form>(&once);
  }

  // For readers of all forms alike. What a form does not have reads as empty.
  Duration duration() const;
  VarIndex var() const;
  /// Of a unit of the calendar; else a day.
  CalendarUnit unit() const;
  const ExprPtr& zone() const;
  const ExprPtr& condition() const;
};
// These are inline because matches read them.
inline Duration Suppression::duration() const {
  const OncePerDuration* const per = as<OncePerDuration>();
  return per != nullptr ? per->duration : Duration{};
}
inline VarIndex Suppression::var() const {
  const OncePerVariable* const per = as<OncePerVariable>();
  return per != nullptr ? per->var : VarIndex{};
}
inline CalendarUnit Suppression::unit() const {
  const OncePerUnit* const per = as<OncePerUnit>();
  return per != nullptr ? per->unit : CalendarUnit::kDay;
}
}  // namespace tocsin::cep
