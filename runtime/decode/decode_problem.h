/// What can be wrong with a line or with a field of it, and how messages say it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "cep/plan/plan.h"
#include "runtime/decode/field_value.h"
#include "runtime/decode/json_structure.h"

namespace tocsin::runtime {
/// Whether a line can be an event, and why not.
enum class LineVerdict : std::uint8_t {
  kOk,
  kNoJson,
  kNoType,
  kTypeNoString,
  kNoTime,
  kBadTime,
  kImplausibleTime,
  kGiven,  // a row of CSV or a message of a topic is no event, for a reason that it gives
};
struct LineProblem {
  LineVerdict verdict = LineVerdict::kOk;
  JsonFault json_fault = JsonFault::kNone;
  std::string_view offender;  // the `type` or time that is wrong; of kGiven the whole reason
};
/// Why a line is a dead letter: a fact, a colon and the offending value where there is one. `type`
/// is the line's event type; null before it is known. Requires a verdict other than kOk.
std::string dead_letter_text(const LineProblem& problem, const cep::EventType* type);

/// The `type` of a line that no file declares, from its token, as messages show it.
std::string type_text(std::string_view token);

struct FieldProblem {
  cep::EventTypeIndex type;
  cep::FieldIndex field;
  FieldFault fault = FieldFault::kAbsent;
  std::string_view token;  // as it stands in the line; borrowed from it
};
/// "payment.amount at PLACE: not a valid decimal(2): 1.005"; values of fields marked `pii` are not
/// shown.
std::string field_problem_text(const cep::Plan& plan, const FieldProblem& problem,
                               std::string_view place);
}  // namespace tocsin::runtime
