/// Why a rule gave no alert, in words.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cep/diagnose/near_miss.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::library {
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
/// What kept a complete match from its alert, a sentence without its end; else empty.
std::string describe_reason(const NearMissWords& words, const cep::NearMiss& near);
/// "`amount > 100` is not true: amount is 12.00; …".
std::string describe_hindrances(const NearMissWords& words,
                                const std::vector<cep::Hindrance>& hindrances);
/// "`hit`", or the kinds of a step without a name.
std::string describe_step(const NearMissWords& words, const cep::Element& element);
/// "hit", likewise.
std::string describe_variable(const NearMissWords& words, cep::VarIndex var);
}  // namespace tocsin::library
