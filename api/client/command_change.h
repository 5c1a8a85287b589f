/// `tocsin change list`, `show`, `approve`, `withdraw`: changes of a server's rules that wait for
/// approval.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
void add_change_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
