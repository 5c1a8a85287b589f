/// `tocsin late` and `tocsin dead`: what a data directory's runs did not take.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
/// Adds the commands to the program.
void add_late_command(CLI::App& program, Chosen& chosen);
void add_dead_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
