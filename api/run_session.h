/// A run that keeps nothing: it reads its inputs to their end, or until it is stopped.
#pragma once
#include <optional>

#include "api/exit_code.h"
#include "api/run_arguments.h"
#include "cep/engine.h"
#include "runtime/run.h"

namespace tocsin::api {
/// Opens the outputs, runs, delivers and tells; says how the program then ends.
ExitCode run_session(const RunArguments& arguments, const std::optional<Webhook>& webhook,
                     const runtime::RunOptions& run_options, const cep::Program& program);
}  // namespace tocsin::api
