/// `tocsin archive`: the events that a server keeps after its journal has removed them.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
/// Adds the command to the program.
void add_archive_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
