/// `tocsin plan` and `tocsin deploy`: a folder of rules, as version control has it, to a server.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
void add_plan_command(CLI::App& program, Chosen& chosen);
void add_deploy_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
