#include "api/rules/rule_sources.h"

#include <algorithm>
#include <variant>

#include "rules/parse/parser.h"

namespace tocsin::api {
std::map<std::string, RuleSource> rule_sources(const LoadedRules& rules) {
  std::map<std::string, RuleSource> found;
  if (!rules.loaded.rules) return found;
  const rules::SourceMap& sources = rules.loaded.sources;
  const std::vector<std::string>& files = rules.loaded.rules->rule_files;
  for (std::uint32_t file = 0; file < sources.size(); ++file) {
    if (std::ranges::find(files, sources.path(file)) == files.end()) continue;
    rules::DiagnosticSink sink;
    const rules::tree::File tree = rules::parse(sources, file, sink);
    for (const rules::tree::Item& item : tree.items) {
      const auto* const rule = std::get_if<rules::tree::Rule>(&item);
      if (rule == nullptr) continue;
      const rules::SourceSpan span = rule->span;
      found[rule->name.text] = {
          sources.path(file), sources.place(file, span.begin).line,
          std::string(sources.text(file).substr(span.begin, span.end - span.begin))};
    }
  }
  return found;
}
}  // namespace tocsin::api
