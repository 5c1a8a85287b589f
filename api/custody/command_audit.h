/// `tocsin audit`: checks and exports the audit log of a data directory.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
void add_audit_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
