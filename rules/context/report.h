/// The diagnostics that several checks share.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "cep/value/value.h"
#include "rules/context/check_context.h"
#include "rules/syntax/tree.h"
#include "rules/text/diagnostics.h"
#include "rules/text/report_text.h"

namespace tocsin::rules {
/// What is written there, to be repeated in advice; empty where it is long or has line ends.
std::string written_at(const SourceMap& sources, SourceSpan span);
/// "`a`, `b` or `c`": the texts in back-ticks, at most ten of them.
std::string one_of(const std::vector<std::string>& texts);
/// "schema.tocsin:3".
std::string place_text(const SourceMap& sources, SourceSpan span);
/// Adds "did you mean" and the edit for it, where one of the candidates is near to what was
/// written. Returns whether there was one.
bool suggest(CheckContext& context, Diagnostic& diagnostic, std::string_view written,
             const std::vector<std::string>& candidates);
/// A name declared twice, with both places.
void report_duplicate(CheckContext& context, const tree::Name& second, const tree::Name& first,
                      std::string_view what);
/// A duration that must be longer than nothing; reports and returns false where it is not.
bool require_positive(CheckContext& context, const tree::DurationLiteral& duration,
                      std::string_view what);
/// The names declared in these forms, sorted, as candidates for suggest(); none once those are used
/// up.
std::vector<std::string> value_names(const CheckContext& context,
                                     std::initializer_list<ValueForm> forms);
/// The names of the fields of these event types, each once.
std::vector<std::string> field_names(const CheckContext& context,
                                     const std::vector<cep::EventTypeIndex>& types);
}  // namespace tocsin::rules
