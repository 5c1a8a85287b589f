/// Event types: from their declarations to the plan's.
#pragma once
#include <optional>
#include <vector>

#include "rules/context/check_context.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// Adds each event type to the plan and its symbols to the names. One that is declared twice is
/// checked and left out.
void check_events(CheckContext& context, const std::vector<const tree::Event*>& events);
/// A type as declared; nothing, with a report, where it cannot be.
std::optional<cep::Type> declared_type(CheckContext& context, const tree::TypeRef& ref);
/// Fills what test events take where they say nothing.
void check_defaults(CheckContext& context, const std::vector<const tree::Defaults*>& defaults);
}  // namespace tocsin::rules
