/// `tocsin savepoint`: states that are kept, to start from again.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
/// Adds the command to the program.
void add_savepoint_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
