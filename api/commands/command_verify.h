/// `tocsin verify`: reads all that a data directory or savepoint holds and compares every digest
/// and checksum.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
void add_verify_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
