/// `tocsin inspect`: what a data directory or savepoint holds now.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
/// Adds the command to the program.
void add_inspect_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
