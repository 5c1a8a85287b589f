/// `tocsin savepoint export` and `import`: the state of one machine to a job of stages, and the
/// other way round.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
/// Adds the two to `savepoint`.
void add_conversion_commands(CLI::App& savepoint, Chosen& chosen);
}  // namespace tocsin::api
