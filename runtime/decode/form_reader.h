/// The form of a line, from the line.
#pragma once
#include <optional>
#include <span>
#include <string_view>

#include "runtime/decode/json_structure.h"
#include "runtime/decode/line_form.h"
#include "runtime/decode/type_plan.h"

namespace tocsin::runtime {
/// The form of a line that was walked as `type` and found well-formed; `marks` has the line's own
/// and no others. Its line end follows the line. Values of another kind than in `kinds`, where that
/// is not empty, may be of either. Nothing where lines are not compared by their form: they have
/// too many values or too much text between them, one is no string and not made of plain
/// characters, or an object stands where a field is read.
std::optional<LineForm> read_form(std::string_view line, const JsonMarks& marks,
                                  const TypePlan& type, std::span<const LineForm::Kind> kinds = {});
}  // namespace tocsin::runtime
