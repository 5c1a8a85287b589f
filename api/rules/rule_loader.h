/// Rule files to a program that can run, with the author told what is wrong: what `run`, `check`
/// and `test` share.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cep/engine/engine.h"
#include "rules/context/rules.h"

namespace tocsin::api {
/// Rules as checked and compiled.
struct LoadedRules {
  rules::Loaded loaded;
  /// Absent when a rule does not check, or the plan does not compile.
  std::optional<cep::Program> program;
  /// Why the plan does not compile; empty otherwise.
  std::string compile_error;

  /// Errors of the rules' authors, a plan that does not compile included.
  std::size_t errors() const;
  std::size_t warnings() const;
};
/// Loads the files as one set and compiles them; prints nothing. `read_file`: absent: from disk.
LoadedRules load_rules(const std::vector<std::string>& files,
                       const rules::LoadOptions& options = {},
                       const rules::ReadFile& read_file = {});
/// Everything that the author is told, as a terminal shows it.
std::string render_diagnostics(const LoadedRules& rules, bool coloured);
/// The same as one JSON object a line.
std::string render_diagnostics_json(const LoadedRules& rules);
}  // namespace tocsin::api
