/// `tocsin trace`: why rules did not alert for a key.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
/// Adds the command to the program.
void add_trace_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
