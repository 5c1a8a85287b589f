/// Checks a set of parsed files as one and lowers it to a plan.
#pragma once
#include <optional>
#include <vector>

#include "rules/context/data_files.h"
#include "rules/context/occurrences.h"
#include "rules/context/rules.h"
#include "rules/load/parsed_file.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules {
/// The plan and the tests, in the order of the files; nothing when the sink has an error.
/// `incomplete`: a file that is used could not be read. The result's `rule_files` are the caller's
/// to fill. `occurrences`, where given, takes where names are used, of files with mistakes too.
std::optional<RuleSet> check(SourceMap& sources, const std::vector<const ParsedFile*>& files,
                             bool incomplete, DiagnosticSink& sink, const LoadOptions& options,
                             DataFiles& data, std::vector<Occurrence>* occurrences = nullptr);
}  // namespace tocsin::rules
