/// `tocsin serve`: the server.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
void add_serve_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
