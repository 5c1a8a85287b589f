/// A run that loses nothing: `tocsin run --data DIR`.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/exit_code.h"
#include "api/rule_loader.h"
#include "api/run_arguments.h"
#include "cep/time.h"
#include "runtime/node.h"

namespace tocsin::api {
/// Goes on with what the data directory holds, or begins it; reads the inputs; says how the program
/// then ends. `texts`: what the rules are made of.
ExitCode run_durable(const RunArguments& arguments, const std::optional<Webhook>& webhook,
                     const LoadedRules& rules, std::vector<runtime::NamedContents> texts);
}  // namespace tocsin::api
