/// Warnings that a file or a rule does not give: `allow NAME "reason"`.
#pragma once
#include <vector>

#include "rules/context/rules.h"
#include "rules/load/parsed_file.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules {
/// Reports suppressed warnings that name no warning.
void check_suppressed_warnings(const std::vector<const ParsedFile*>& files, DiagnosticSink& sink);
/// The diagnostics without the warnings that are allowed where they stand: in the rule of a clause,
/// in the file of a declaration. a suppressed warning in a file that was asked for is warned of
/// where it leaves nothing out, if the rules are right: a warning may wait behind an error.
std::vector<Diagnostic> without_allowed(const std::vector<const ParsedFile*>& files,
                                        std::vector<Diagnostic> diagnostics,
                                        const LoadOptions& options);
}  // namespace tocsin::rules
