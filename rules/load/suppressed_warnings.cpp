#include "rules/load/suppressed_warnings.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "rules/context/report.h"
#include "rules/text/suggest.h"

namespace tocsin::rules {
namespace {
struct SuppressedWarning {
  const tree::Name* warning = nullptr;
  SourceSpan within;  // what it is for
  bool asked = false;
  bool used = false;
};

std::vector<SuppressedWarning> suppressed_warnings_of(const std::vector<const ParsedFile*>& files) {
  std::vector<SuppressedWarning> all;
  for (const ParsedFile* file : files) {
    for (const tree::Item& item : file->tree.items) {
      if (const auto* allow = std::get_if<tree::Allow>(&item)) {
        if (!allow->warning.text.empty())
          all.push_back({&allow->warning, {file->tree.file, 0, UINT32_MAX}, file->asked});
      } else if (const auto* rule = std::get_if<tree::Rule>(&item)) {
        for (const tree::AllowClause& clause : rule->allows)
          all.push_back({&clause.warning, rule->span, file->asked});
      }
    }
  }
  return all;
}

std::vector<std::string> warning_names() {
  return {
#define TOCSIN_ERROR(code, title)
#define TOCSIN_WARNING(code, name, title) name,
#include "rules/text/diagnostics.def"
#undef TOCSIN_ERROR
#undef TOCSIN_WARNING
  };
}

bool is_error_code(std::string_view name) {
  return name.size() == 5 && name.front() == 'E' &&
         std::ranges::all_of(name.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

bool covers(const SuppressedWarning& suppressed_warning, const Diagnostic& diagnostic) {
  const SourceSpan span = diagnostic.primary.span;
  return suppressed_warning.warning->text == code_name(diagnostic.code) &&
         span.file == suppressed_warning.within.file &&
         span.begin >= suppressed_warning.within.begin &&
         span.begin < suppressed_warning.within.end;
}

// Leaves out what is allowed, and marks the suppressed warnings that did it.
void leave_out(std::vector<SuppressedWarning>& suppressed_warnings,
               std::vector<Diagnostic>& diagnostics) {
  std::erase_if(diagnostics, [&](const Diagnostic& diagnostic) {
    if (level_of(diagnostic.code) == Level::kError) return false;
    bool allowed = false;
    for (SuppressedWarning& suppressed_warning : suppressed_warnings) {
      if (!covers(suppressed_warning, diagnostic)) continue;
      suppressed_warning.used = allowed = true;
    }
    return allowed;
  });
}
}  // namespace

void check_suppressed_warnings(const std::vector<const ParsedFile*>& files, DiagnosticSink& sink) {
  const std::vector<std::string> names = warning_names();
  for (const SuppressedWarning& suppressed_warning : suppressed_warnings_of(files)) {
    const tree::Name& name = *suppressed_warning.warning;
    if (std::ranges::find(names, name.text) != names.end()) continue;
    const bool is_error = is_error_code(name.text);
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0230, name.span,
        is_error ? fmt::format("{} is an error, and no error can be allowed", in_code(name.text))
                 : fmt::format("no warning is named {}", in_code(name.text)));
    if (const auto near = nearest(name.text, names); near && !is_error) {
      diagnostic.primary.text = fmt::format("did you mean `{}`?", *near);
      diagnostic.edit = Edit{name.span, *near};
    } else {
      diagnostic.helps.emplace_back(
          "the name of a warning is in the brackets: `warning[endless_state]`");
    }
    sink.report(std::move(diagnostic));
  }
}

std::vector<Diagnostic> without_allowed(const std::vector<const ParsedFile*>& files,
                                        std::vector<Diagnostic> diagnostics,
                                        const LoadOptions& options) {
  std::vector<SuppressedWarning> suppressed_warnings = suppressed_warnings_of(files);
  if (suppressed_warnings.empty()) return diagnostics;
  leave_out(suppressed_warnings, diagnostics);
  for (SuppressedWarning& suppressed_warning : suppressed_warnings) {
    const bool not_looked_for =
        !options.warn_of_untested && (suppressed_warning.warning->text == code_name(Code::kW0024) ||
                                      suppressed_warning.warning->text == code_name(Code::kW0040));
    suppressed_warning.used = suppressed_warning.used || not_looked_for;
  }
  const bool has_error = std::ranges::any_of(diagnostics, [](const Diagnostic& diagnostic) {
    return level_of(diagnostic.code) == Level::kError;
  });
  if (has_error) return diagnostics;
  DiagnosticSink sink;
  for (Diagnostic& diagnostic : diagnostics) sink.report(std::move(diagnostic));
  const std::string_view own = code_name(Code::kW0022);
  const auto report_unused = [&](bool of_own) {
    for (const SuppressedWarning& suppressed_warning : suppressed_warnings) {
      const tree::Name& name = *suppressed_warning.warning;
      if (suppressed_warning.used || !suppressed_warning.asked || (name.text == own) != of_own)
        continue;
      Diagnostic diagnostic = make_diagnostic(
          Code::kW0022, name.span,
          fmt::format("the warning {} does not occur here", in_code(name.text)), "allows nothing");
      diagnostic.helps.emplace_back("leave the `allow` out");
      sink.report(std::move(diagnostic));
    }
  };
  report_unused(false);
  std::vector<Diagnostic> left = sink.take();
  leave_out(suppressed_warnings, left);
  for (Diagnostic& diagnostic : left) sink.report(std::move(diagnostic));
  report_unused(true);
  return sink.take();
}
}  // namespace tocsin::rules
