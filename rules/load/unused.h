/// What is declared and serves nothing.
#pragma once
#include <vector>

#include "rules/context/check_context.h"
#include "rules/load/parsed_file.h"

namespace tocsin::rules {
/// Warns of lists and tables that are never asked, and, where the files have rules, of kinds,
/// features and constants that nothing names. A file that is only used may serve others too.
void warn_of_unused(CheckContext& context, const std::vector<const ParsedFile*>& files);
/// Warns of live and shadow rules of the files asked for that have no `alert` clause.
void warn_of_no_alert_text(CheckContext& context, const std::vector<const ParsedFile*>& files);
/// Warns of live rules of the files asked for that `tests` do not show firing and not firing.
void warn_of_untested(CheckContext& context, const std::vector<const ParsedFile*>& files,
                      const std::vector<EmbeddedTest>& tests);
}  // namespace tocsin::rules
