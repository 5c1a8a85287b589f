#include "api/node/kept_rules.h"

#include <utility>

#include "api/rules/rule_texts.h"
#include "runtime/event_time/slice_loop.h"

namespace tocsin::api {
Outcome<KeptRules> load_kept(const runtime::NodeSettings& settings,
                             const std::vector<runtime::NamedContents>& texts) {
  KeptRules kept;
  kept.rules = load_kept_rules(texts);
  if (!kept.rules.program) {
    tell(render_diagnostics(kept.rules, false));
    return stop(ExitCode::kDataDirectory,
                "the stored rules have errors under this version of Tocsin");
  }
  Configuration options(run_settings());
  if (auto adopted = adopt_options(settings.options, options); !adopted)
    return tl::unexpected(adopted.error());
  kept.durable = durable_options(options);
  kept.intake = runtime::intake_options(kept.rules.program->plan(),
                                        with_line_limit(event_time_options(options), kept.durable));
  kept.settings = runtime::settings_of(*kept.rules.program, kept_options(options));
  return kept;
}

Result<runtime::NodeProgram> compile_kept(const runtime::NodeSettings& settings,
                                          const std::vector<runtime::NamedContents>& texts) {
  Outcome<KeptRules> kept = load_kept(settings, texts);
  if (!kept) return fail(Errc::kOtherVersion, kept.error().message);
  return runtime::NodeProgram{*std::move(kept->rules.program), kept->intake};
}
}  // namespace tocsin::api
