/// A run that keeps nothing: it reads its inputs to their end, or until it is stopped.
#pragma once
#include <optional>

#include "api/base/exit_code.h"
#include "api/node/run_arguments.h"
#include "cep/engine/engine.h"
#include "runtime/event_time/run.h"

namespace tocsin::api {
/// Opens the outputs, runs, delivers and tells; says how the program then ends.
ExitCode run_session(const RunArguments& arguments, const std::optional<Webhook>& webhook,
                     const runtime::RunOptions& run_options, const cep::Program& program);
}  // namespace tocsin::api
