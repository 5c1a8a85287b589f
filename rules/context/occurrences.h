/// Where names are used, and which declarations they mean, as the checker resolves them: what an
/// editor's hover, definition, references and rename read. Nothing is kept unless somebody asks.
#pragma once
#include <string_view>
#include <vector>

#include "rules/context/scope.h"
#include "rules/syntax/tree.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules {
struct CheckContext;

/// The name at `use` means the declaration whose name stands at `declared`. A field of several
/// event types has an occurrence for each.
struct Occurrence {
  SourceSpan use;
  SourceSpan declared;
};

/// Keeps that `use` means `declared`, where the context keeps occurrences.
void note_use(const CheckContext& context, SourceSpan use, SourceSpan declared);
/// The same of a field, in each of these event types that has it.
void note_field(const CheckContext& context, SourceSpan use, const EventTypes& types,
                std::string_view field);
/// Sorts by place, and removes repeats: some expressions are checked twice.
void normalize(std::vector<Occurrence>& occurrences);
}  // namespace tocsin::rules
