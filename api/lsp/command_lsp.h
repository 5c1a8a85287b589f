/// `tocsin lsp`.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
/// Adds the command to the program.
void add_lsp_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
