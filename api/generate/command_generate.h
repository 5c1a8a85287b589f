/// `tocsin generate`: a seeded, realistic stream of payments with fraud planted in it.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
void add_generate_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
