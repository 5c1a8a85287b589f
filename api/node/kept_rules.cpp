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
                "the rules that were kept do not check with this version of Tocsin");
  }
  RunArguments arguments;
  arguments.data = "-";  // options of a durable run are read
  adopt_options(settings.options, arguments);
  const Outcome<runtime::RunOptions> run_options = read_run_options(arguments);
  if (!run_options) return tl::unexpected(run_options.error());
  const Outcome<DurableArguments> durable = read_durable_arguments(arguments);
  if (!durable) return tl::unexpected(durable.error());
  kept.durable = *durable;
  kept.intake =
      runtime::intake_options(kept.rules.program->plan(), with_line_limit(*run_options, *durable));
  kept.settings = runtime::settings_of(*kept.rules.program, kept_options(arguments));
  return kept;
}

Result<runtime::NodeProgram> compile_kept(const runtime::NodeSettings& settings,
                                          const std::vector<runtime::NamedContents>& texts) {
  Outcome<KeptRules> kept = load_kept(settings, texts);
  if (!kept) return fail(Errc::kOtherVersion, kept.error().message);
  return runtime::NodeProgram{*std::move(kept->rules.program), kept->intake};
}
}  // namespace tocsin::api
