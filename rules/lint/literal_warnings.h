/// Literals that mean something else than they seem to.
#pragma once
#include <string_view>
#include <vector>

#include "rules/context/check_context.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// Warns of texts in a condition that look like wildcards of other languages, `amazon*` or
/// `%gift%`, and of values that stand twice in a list written there.
void warn_of_literals(CheckContext& context, const tree::Expr& condition);
/// Warns of an equality, or of a place in a list, with a number that has more digits after its
/// point than values of `type` ever have: `amount = 0.555` where `amount` is a `decimal(2)`.
/// `span`: the number, or where `list`, which has it, is asked. Returns whether it did.
bool warn_of_digits(CheckContext& context, const cep::Type& type, const cep::Value& number,
                    SourceSpan span, std::string_view list = {});
/// As warn_of_literals() for the elements of a declared list.
void warn_of_elements(CheckContext& context, const std::vector<tree::ExprPtr>& elements);
}  // namespace tocsin::rules
