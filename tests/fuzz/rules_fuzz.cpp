// Any bytes as one rule file: no crash, diagnostics that point into the file, and a plan exactly
// when there is no error.
#include <algorithm>
#include <string>

#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "rules/context/rules.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
constexpr const char* kFile = "fuzz.tocsin";

void check_span(const rules::SourceMap& sources, const rules::SourceSpan& span) {
  require(span.file < sources.size(), "a diagnostic points into a file that was read");
  require(span.begin <= span.end, "a span does not end before it begins");
  require(span.end <= sources.text(span.file).size(), "a span ends inside its file");
}

void check_diagnostic(const rules::SourceMap& sources, const rules::Diagnostic& diagnostic) {
  require(!diagnostic.message.empty(), "a diagnostic says something");
  check_span(sources, diagnostic.primary.span);
  for (const rules::Label& label : diagnostic.labels) check_span(sources, label.span);
  if (diagnostic.edit) check_span(sources, diagnostic.edit->span);
  require(!rules::render(sources, diagnostic, true).empty(), "a diagnostic is shown");
  require(!rules::render_json(sources, diagnostic).empty(), "a diagnostic is shown as JSON");
}

void try_file(std::string_view text) {
  const rules::Loaded loaded =
      rules::load({kFile}, [text](const std::string& path) -> Result<std::string> {
        if (path != kFile) return fail(Errc::kNotFound, "no such file: " + path);
        return std::string(text);
      });
  for (const rules::Diagnostic& diagnostic : loaded.diagnostics)
    check_diagnostic(loaded.sources, diagnostic);
  const bool has_errors =
      std::any_of(loaded.diagnostics.begin(), loaded.diagnostics.end(),
                  [](const rules::Diagnostic& diagnostic) {
                    return rules::level_of(diagnostic.code) == rules::Level::kError;
                  });
  require(loaded.rules.has_value() != has_errors, "there is a plan exactly when there is no error");
  if (!loaded.rules) return;
  require(loaded.rules->plan != nullptr, "a checked set of rules has its plan");
  require(cep::validate(*loaded.rules->plan).empty(), "a plan made from rule text validates");
  require(cep::describe(*loaded.rules->plan) == cep::describe(*loaded.rules->plan),
          "a plan's text is the same each time");
  // It may be refused for crossing a limit; the engine then says so.
  const Result<cep::Program> program = cep::compile(loaded.rules->plan);
  if (!program) require(!program.error().message.empty(), "a refusal says why");
}
}  // namespace
}  // namespace tocsin::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tocsin::fuzz::try_file(tocsin::fuzz::text_of(data, size));
  return 0;
}
