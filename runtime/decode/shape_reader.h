/// The form of a line, from the line.
#pragma once
#include <optional>

#include "runtime/decode/json_structure.h"
#include "runtime/decode/line_shape.h"
#include "runtime/decode/type_plan.h"

namespace tocsin::runtime {
/// The form of a line that was walked as `type` and found well-formed; `line` has its marks and no
/// others. Nothing where lines are not compared by their form: they have too many scalars or too
/// much text between them, or an object stands where a field is read.
std::optional<LineShape> read_shape(const JsonMarks& line, const TypePlan& type);
}  // namespace tocsin::runtime
