/// `tocsin secrets`: keys that encrypt what a data directory holds.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
void add_secrets_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
