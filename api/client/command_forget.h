/// `tocsin forget`: a server erases what it knows of a person.
#pragma once
#include "api/base/command.h"

namespace tocsin::api {
/// Adds the command to the program.
void add_forget_command(CLI::App& program, Chosen& chosen);
}  // namespace tocsin::api
