/// The windows of features.
#pragma once
#include <optional>

#include "cep/plan/feature.h"
#include "rules/context/check_context.h"
#include "rules/expression/check_expression.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// Nothing, with a report, where the window has a mistake. `c` sees the events that the
/// feature takes: a zone may be a field of them.
std::optional<cep::FeatureWindow> check_window(CheckContext& context, const ExprContext& c,
                                               const tree::Window& window);
/// Whether the aggregate can be made from the panes that the window asks for; reports.
bool check_panes(CheckContext& context, const tree::Window& window, cep::Aggregate aggregate);
}  // namespace tocsin::rules
