/// The rules and options that a data directory was begun with, made again from what it kept.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "api/base/command.h"
#include "api/node/run_arguments.h"
#include "api/rules/rule_loader.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/io/files.h"
#include "runtime/node/node.h"
#include "runtime/node/past_run.h"

namespace tocsin::api {
struct KeptRules {
  LoadedRules rules;  // with a program
  runtime::IntakeOptions intake;
  DurableOptions durable;
  runtime::NodeSettings settings;  // as this version of Tocsin has them
};
/// Fails where the texts do not check with this version, having shown why, and where the options
/// are not known to it.
Outcome<KeptRules> load_kept(const runtime::NodeSettings& settings,
                             const std::vector<runtime::NamedContents>& texts);
/// Those that hold at the end of a data directory, also beside a process that owns it. Fails with
/// kDataDirectory where nothing was begun in it.
Outcome<KeptRules> load_kept_of(runtime::Files& files, const runtime::DataPaths& paths);
/// The same for NodeOptions::compile: kOtherVersion where it fails.
Result<runtime::NodeProgram> compile_kept(const runtime::NodeSettings& settings,
                                          const std::vector<runtime::NamedContents>& texts);
/// For NodeOptions::past: runs over earlier events, from what a deploy kept of them.
std::function<Result<std::unique_ptr<runtime::PastRun>>(
    const runtime::NodeProgram&, const std::vector<runtime::CheckpointBlob>&)>
past_runs(runtime::Files& files, const runtime::DataPaths& paths);
}  // namespace tocsin::api
