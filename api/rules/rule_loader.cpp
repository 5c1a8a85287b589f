#include "api/rules/rule_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "api/rules/text_cache.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/value/value.h"
#include "rules/text/suggest.h"
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

Result<std::vector<cep::RuleIndex>> find_rules(const cep::Plan& plan,
                                               const std::vector<std::string>& names) {
  std::vector<bool> chosen(plan.rules.size(), names.empty());
  std::vector<std::string> known;
  for (const cep::Rule& rule : plan.rules) known.push_back(rule.name);
  for (const std::string& name : names) {
    bool found = false;
    for (std::size_t i = 0; i < plan.rules.size(); ++i) {
      if (plan.rules[i].name != name && plan.rules[i].id != name) continue;
      chosen[i] = found = true;
    }
    if (found) continue;
    const std::optional<std::string> near = rules::nearest(name, known);
    return fail(Errc::kNotFound, fmt::format("there is no rule {} that runs{}", name,
                                             near ? fmt::format("; did you mean {}?", *near) : ""));
  }
  std::vector<cep::RuleIndex> out;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i]) out.emplace_back(i);
  }
  return out;
}
}  // namespace tocsin::api
