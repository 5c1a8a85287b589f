/// Literals where a value of a known type must stand: in lists, defaults and tests.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "cep/value/value.h"
#include "rules/context/check_context.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// The literal as a value of `type`: ints become decimals and floats, decimals floats, words of an
/// enum are found. Nothing, with a report, where it does not fit. `what` names the place
/// ("`amount`"), `declared` is where its type was said.
std::optional<cep::OwnedValue> coerce_literal(CheckContext& context, const tree::Expr& literal,
                                              const cep::Type& type, std::string_view what,
                                              std::optional<SourceSpan> declared);
/// A number, string, bool, time, date or duration as written, its sign applied; missing for
/// anything else.
cep::Value plain_literal(const tree::Expr& literal);
/// Puts the values of a record into `fields`, one for each declared field of the event type.
/// Reports names that the type does not have, repeats, values that do not fit, and the time field,
/// which an offset gives.
void fill_record(CheckContext& context, const tree::Record& record, cep::EventTypeIndex type,
                 std::vector<cep::OwnedValue>& fields);
}  // namespace tocsin::rules
