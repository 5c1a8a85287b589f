#include "api/server/serve_rules.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "api/base/command.h"
#include "api/node/offline_node.h"
#include "api/node/run_report.h"
#include "runtime/journal/blob_store.h"

namespace tocsin::api {
Outcome<std::optional<RulePack>> read_given_rules(const Configuration& configuration) {
  const std::vector<std::string> paths = configuration.texts("rules.path");
  if (paths.empty()) return std::nullopt;
  Result<RulePack> pack = RulePack::read(paths);
  if (!pack) return stop(ExitCode::kCheckFailed, pack.error().message);
  LoadedRules loaded = pack->load();
  tell(render_diagnostics(loaded, false));
  if (!loaded.program) {
    return stop(ExitCode::kCheckFailed, "the rules have errors; nothing was started");
  }
  return *std::move(pack);
}

namespace {
Outcome<StartRules> load(RulePack pack) {
  StartRules start{std::move(pack), {}};
  start.loaded = start.pack.load();
  if (start.loaded.program) return start;
  tell(render_diagnostics(start.loaded, false));
  return stop(ExitCode::kDataDirectory,
              "the stored rules have errors under this version of Tocsin");
}
}  // namespace

Outcome<StartRules> load_kept_rules(runtime::Files& files, const runtime::Beginning& beginning,
                                    const std::string& blobs) {
  Result<std::vector<runtime::NamedContents>> texts =
      runtime::read_texts(runtime::BlobStore::look(files, blobs), beginning.blobs);
  if (!texts) return stop(exit_code_of_named(texts.error().code), texts.error().message);
  return load(RulePack::kept(*std::move(texts)));
}

Outcome<StartRules> load_start_rules(const std::optional<RulePack>& given) {
  return load(given.value_or(RulePack()));
}

RulePack with_stages_of(const RulePack& kept, const RulePack& given) {
  return given.with_rollouts(kept.rollouts());
}

Outcome<void> refuse_given_rules(const RulePack& given, const LoadedRules& kept,
                                 const std::string& directory) {
  const LoadedRules loaded = given.load();
  if (!loaded.program) {
    return stop(ExitCode::kCheckFailed,
                "with the stages of the stored rules, the rules have errors; start without RULES");
  }
  const runtime::SettingsChange change = runtime::compare_settings(
      runtime::settings_of(*kept.program, {}), runtime::settings_of(*loaded.program, {}));
  const std::string what = change.may_go_on() ? "their texts differ" : change.text();
  return stop(ExitCode::kDataDirectory,
              fmt::format("the data directory {} has other rules: {}; start without RULES to "
                          "continue with those, or with --rules-deploy true to deploy RULES",
                          directory, what));
}

tl::expected<Deployed, DeployRefusal> deploy_pack(RuleService& rules, const RulePack& pack,
                                                  const std::string& comment) {
  RuleChange change;
  change.comment = comment;
  auto deployed = rules.deploy(change, [&](const RulePack&) { return Result<RulePack>(pack); });
  if (!deployed) {
    tell(deployed.error().diagnostics);
    for (const std::string& failure : deployed.error().failures) tell(failure);
  }
  return deployed;
}

void reload_rules(const Configuration& configuration, RuleService& rules, bool is_quiet) {
  const std::vector<std::string> paths = configuration.texts("rules.path");
  if (paths.empty()) {
    return tell(
        "tocsin: SIGHUP: the server was started without RULES, so there are no files to read "
        "again\n");
  }
  const auto say = [is_quiet](const std::string& text) {
    if (!is_quiet) tell(text + "\n");
  };
  const auto refuse = [](const std::string& why) {
    tell(fmt::format("tocsin: SIGHUP: {}; the rules remain as they were\n", why));
  };
  Result<RulePack> read = RulePack::read(paths);
  if (!read) return refuse(read.error().message);
  const RulePack current = rules.current()->pack;
  const RulePack pack = with_stages_of(current, *std::move(read));
  if (pack.etag() == current.etag()) return say("SIGHUP: the rules have not changed");
  const auto deployed = deploy_pack(rules, pack, "read again at SIGHUP");
  if (!deployed) return refuse(deployed.error().detail);
  say(fmt::format("SIGHUP: deployed the rules as version {}", deployed->version));
  if (!is_quiet) tell(format_restored(deployed->report));
}
}  // namespace tocsin::api
