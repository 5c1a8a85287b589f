#include "api/rules/rule_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>

#include "api/rules/text_cache.h"
#include "cep/value/value.h"
#include "runtime/io/rule_files.h"

namespace tocsin::api {
std::size_t LoadedRules::errors() const {
  const auto is_error = [](const rules::Diagnostic& diagnostic) {
    return rules::level_of(diagnostic.code) == rules::Level::kError;
  };
  const auto count = std::ranges::count_if(loaded.diagnostics, is_error);
  return static_cast<std::size_t>(count) + (compile_error.empty() ? 0 : 1);
}

std::size_t LoadedRules::warnings() const {
  return loaded.diagnostics.size() + (compile_error.empty() ? 0 : 1) - errors();
}

LoadedRules load_rules(const std::vector<std::string>& files, const rules::LoadOptions& options,
                       const rules::ReadFile& read_file) {
  LoadedRules result;
  result.loaded = rules::load(files, read_file ? read_file : runtime::read_rule_file, options);
  if (!result.loaded.rules) return result;
  const std::unique_ptr<TextCacheFolder> cache = open_text_cache();
  Result<cep::Program> program = cep::compile(result.loaded.rules->plan, {}, cache.get());
  if (program) {
    result.program = std::move(*program);
  } else {
    result.compile_error = program.error().message;
  }
  return result;
}

std::string render_diagnostics(const LoadedRules& rules, bool coloured) {
  std::string text;
  for (const rules::Diagnostic& diagnostic : rules.loaded.diagnostics) {
    text += rules::render(rules.loaded.sources, diagnostic, coloured);
  }
  if (!rules.compile_error.empty()) text += "error: " + rules.compile_error + "\n\n";
  return text;
}

std::string render_diagnostics_json(const LoadedRules& rules) {
  std::string text;
  for (const rules::Diagnostic& diagnostic : rules.loaded.diagnostics) {
    text += rules::render_json(rules.loaded.sources, diagnostic);
    if (!text.ends_with('\n')) text += '\n';
  }
  if (!rules.compile_error.empty()) {
    text += R"({"level":"error","message":)";
    cep::append_json_string(text, rules.compile_error);
    text += "}\n";
  }
  return text;
}
}  // namespace tocsin::api
