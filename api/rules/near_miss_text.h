/// Why a rule gave no alert, in words.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "cep/diagnose/near_miss.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::api {
/// A condition of the plan as its author wrote it.
using ConditionText = std::function<std::string(const cep::Expr&)>;
/// How what stands in a near miss is named.
struct NearMissWords {
  const cep::Plan& plan;
  const cep::Rule& rule;
  cep::EventTime end;                // of the test
  std::optional<cep::EventTime> at;  // when the alert was expected
  ConditionText condition;
  std::function<std::string(cep::EventTime)> offset;             // when something happened
  std::function<bool(const cep::SeenEvent&)> is_one_of_several;  // of its type at its time
};
/// Several lines, each ended, without indentation but for what hangs together.
std::string describe_near_miss(const NearMissWords& words, const cep::NearMiss& near);
}  // namespace tocsin::api
