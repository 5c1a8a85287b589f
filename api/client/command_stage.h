/// `tocsin stage` and `tocsin rollback`: a rule of a server is let out or held back, and a whole
/// version is made active again.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
void add_stage_command(CLI::App& program, Chosen& chosen);
void add_rollback_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
