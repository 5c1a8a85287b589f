/// `tocsin backup`: backups of a server, and their restore without one.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
/// Adds the command to the program.
void add_backup_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
