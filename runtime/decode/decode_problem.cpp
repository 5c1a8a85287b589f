#include "runtime/decode/decode_problem.h"

#include <fmt/format.h>

#include <optional>

#include "cep/base/assert.h"

namespace tocsin::runtime {
std::string dead_letter_text(const LineProblem& problem, const cep::EventType* type) {
  const auto time_field = [&]() -> const cep::Field& {
    return type->fields[type->time_field.value];
  };
  const auto time_name = [&] { return fmt::format("`{}` of `{}`", time_field().name, type->name); };
  switch (problem.verdict) {
    case LineVerdict::kNoJson:
      return fault_text(problem.json_fault);
    case LineVerdict::kNoType:
      return "no `type`";
    case LineVerdict::kTypeNoString:
      return "`type` is not a string: " + shown(problem.offender);
    case LineVerdict::kNoTime:
      return fmt::format("no event time {}", time_name());
    case LineVerdict::kBadTime:
      return fmt::format("event time {} is not a valid time: {}", time_name(),
                         shown(problem.offender));
    case LineVerdict::kImplausibleTime:
      return fmt::format("event time {} {}", time_name(),
                         implausible_text(time_field(), problem.offender, true));
    case LineVerdict::kGiven:
      return std::string(problem.offender);
    case LineVerdict::kOk:
      break;
  }
  TOCSIN_ASSERT(false, "asked only after a dead letter");
}

std::string type_text(std::string_view token) {
  std::string text;
  const std::optional<std::string_view> type = plain_text(token, text);
  return shown(type.value_or(token));
}

std::string field_problem_text(const cep::Plan& plan, const FieldProblem& problem,
                               std::string_view place) {
  const cep::EventType& type = plan.event_types[problem.type.value];
  const cep::Field& field = type.fields[problem.field.value];
  const std::string name = fmt::format("{}.{} at {}", type.name, field.name, place);
  const std::string value = field.pii ? "" : ": " + shown(problem.token);
  switch (problem.fault) {
    case FieldFault::kAbsent:
      return name + ": absent";
    case FieldFault::kNull:
      return name + ": null";
    case FieldFault::kImplausible:
      return name + ": " + implausible_text(field, problem.token, !field.pii);
    case FieldFault::kWrongType:
    case FieldFault::kUnusable:
      return fmt::format("{}: not a valid {}{}", name, cep::type_name(field.type), value);
  }
  TOCSIN_ASSERT(false, "all faults are named");
}
}  // namespace tocsin::runtime
