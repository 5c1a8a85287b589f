/// Constants, lists and tables.
#pragma once
#include <optional>
#include <vector>

#include "rules/context/check_context.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
void check_consts(CheckContext& context, const std::vector<const tree::Const*>& consts);
/// Adds each list to the plan, with the values of its file where it names one.
void check_lists(CheckContext& context, const std::vector<const tree::List*>& lists);
/// A text literal as a network of a list or of a table's key, as it is written everywhere; nothing,
/// with a report, where it is none.
std::optional<cep::OwnedValue> written_network(CheckContext& context, const cep::OwnedValue& text,
                                               SourceSpan span);
/// Adds each table to the plan, likewise.
void check_tables(CheckContext& context, const std::vector<const tree::Table*>& tables);
}  // namespace tocsin::rules
