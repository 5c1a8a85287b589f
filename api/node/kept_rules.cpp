#include "api/node/kept_rules.h"

#include <optional>
#include <utility>

#include "api/base/exit_code.h"
#include "api/rules/rule_texts.h"
#include "api/rules/text_cache.h"
#include "runtime/event_time/slice_loop.h"
#include "runtime/journal/blob_store.h"
#include "runtime/replay/earlier_run.h"

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

Outcome<KeptRules> load_kept_of(runtime::Files& files, const runtime::DataPaths& paths) {
  use_text_cache_of_data(paths.directory);
  // What is read may go meanwhile: a checkpoint for a newer one, a segment that none needs.
  constexpr int kTriesMax = 20;
  for (int tries = 1;; ++tries) {
    const auto refuse = [](const Error& error) {
      return stop(exit_code_of_named(error.code), error.message);
    };
    const Result<std::optional<runtime::Beginning>> beginning =
        runtime::find_beginning(files, paths, true);
    if (beginning && !*beginning) {
      return stop(ExitCode::kDataDirectory, paths.directory + ": nothing was run in it yet");
    }
    if (beginning) {
      const Result<std::vector<runtime::NamedContents>> texts =
          read_texts(runtime::BlobStore::look(files, paths.blobs), (*beginning)->blobs);
      if (!texts) return refuse(texts.error());
      return load_kept((*beginning)->settings, *texts);
    }
    if (beginning.error().code != Errc::kNotFound || tries == kTriesMax) {
      return refuse(beginning.error());
    }
  }
}

Result<runtime::NodeProgram> compile_kept(const runtime::NodeSettings& settings,
                                          const std::vector<runtime::NamedContents>& texts) {
  Outcome<KeptRules> kept = load_kept(settings, texts);
  if (!kept) return fail(Errc::kOtherVersion, kept.error().message);
  return runtime::NodeProgram{*std::move(kept->rules.program), kept->intake};
}

std::function<Result<std::unique_ptr<runtime::PastRun>>(
    const runtime::NodeProgram&, const std::vector<runtime::CheckpointBlob>&)>
past_runs(runtime::Files& files, const runtime::DataPaths& paths) {
  return [&files, from = runtime::EarlierEvents{paths.archive, paths.journal, paths.blobs}](
             const runtime::NodeProgram& program, const std::vector<runtime::CheckpointBlob>& kept)
             -> Result<std::unique_ptr<runtime::PastRun>> {
    return runtime::EarlierRun::restore(files, from, program, kept, {});
  };
}
}  // namespace tocsin::api
